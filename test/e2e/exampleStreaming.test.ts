// The streaming example as its reader runs it: an estimate is reserved, the stream is committed as what it became.
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';
import { newFolder } from '../servers/runFolder.js';
import { until } from '../servers/until.js';
import { output, projectRoot } from './packedApp.js';

let folder: string;
let app: StartedProcess | undefined;

beforeAll(async () => {
  await output(process.execPath, [join(projectRoot, 'scripts', 'build.mjs'), '--if-stale']);
  folder = newFolder('streaming');
  cpSync(join(projectRoot, 'examples', 'streaming'), folder, {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(projectRoot, join(folder, 'node_modules', 'tallygate'));
  symlinkSync(join(projectRoot, 'node_modules', 'express'), join(folder, 'node_modules', 'express'));
});

afterEach(() => app?.end());

async function story(origin: string, words: number, tenant = 'acme'): Promise<{ status: number; text: string }> {
  const response = await fetch(`${origin}/stories/${words}`, { headers: { 'x-tenant': tenant } });
  return { status: response.status, text: await response.text() };
}

/** Starts the app and waits until it decides. */
async function started(env: Record<string, string> = {}): Promise<string> {
  const patience = { QUOTA_STORE_TIMEOUT_MS: '5000' };
  app = await startProcess(process.execPath, ['app.js'], { cwd: folder, env: { PORT: '0', ...patience, ...env } });
  const [url] = await app.waitForLine(/^http:\/\/127\.0\.0\.1:\d+\/stories\/30$/);
  const { origin } = new URL(url);
  await until(async () => (await story(origin, 1, 'another')).status !== 503, { deadlineMs: 90_000 });
  return origin;
}

const wordsOf = (text: string): number => text.trim().split(/\s+/).length;

/** Reads the beginning of a story and goes away. */
function interrupted(origin: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = get(`${origin}/stories/5000`, { headers: { 'x-tenant': 'acme' } }, (response) => {
      response.once('data', () => {
        response.destroy();
        resolve();
      });
    });
    asked.on('error', reject);
  });
}

it('a stream is charged as what it became, also where the client goes away; what does not fit is refused', {
  timeout: 240_000,
}, async () => {
  const origin = await started();
  for (const _ of [1, 2]) {
    const { status, text } = await story(origin, 30);
    expect([status, wordsOf(text)]).toEqual([200, 30]);
  }
  // 40 are left, which is the estimate; ten words later a further one does not fit.
  expect((await story(origin, 10)).status).toBe(200);
  expect(await story(origin, 10)).toMatchObject({ status: 429, text: expect.stringContaining('"left":30') });
  app?.kill('SIGTERM');
  await app?.exit;

  // Counters of the process come back from the ledger, which was told of 70 words and of no estimate.
  const refused = await story(await started(), 10);
  expect(refused).toMatchObject({ status: 429, text: expect.stringContaining('"left":30') });
});

it('a client that goes away pays for what was made until then', { timeout: 240_000 }, async () => {
  const origin = await started({ TALLYGATE_DATA_DIR: newFolder('streaming-data') });
  await interrupted(origin);
  await interrupted(origin);
  // If their estimates were still charged, 20 of 100 would be left and nothing would fit.
  await until(async () => (await story(origin, 1)).status === 200, { deadlineMs: 30_000 });
});
