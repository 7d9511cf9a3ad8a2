// The example as its reader runs it: a process of its own, in its own folder, with nothing but the environment.
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';
import { newFolder } from '../servers/runFolder.js';
import { output, projectRoot } from './packedApp.js';
import { getAs, isOpen, startOfMinute } from './quickStart.js';

let folder: string;
let app: StartedProcess | undefined;

// Linked as `npm install` links `file:../..`; what an installed tarball does is package.test.ts' matter.
beforeAll(async () => {
  await output(process.execPath, [join(projectRoot, 'scripts', 'build.mjs'), '--if-stale']);
  folder = newFolder('example');
  cpSync(join(projectRoot, 'examples', 'express'), folder, {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(projectRoot, join(folder, 'node_modules', 'tallygate'));
  symlinkSync(join(projectRoot, 'node_modules', 'express'), join(folder, 'node_modules', 'express'));
});

afterEach(() => app?.end());

it('the example answers up to the quota, denies above it, keeps tenants apart, and counts what it answered', {
  timeout: 120_000,
}, async () => {
  app = await startProcess(process.execPath, ['app.js'], {
    cwd: folder,
    env: { PORT: '0', QUOTA_FREE_PER_MINUTE: '3', QUOTA_STORE_TIMEOUT_MS: '5000' },
  });
  const [url] = await app.waitForLine(/^http:\/\/127\.0\.0\.1:\d+\/hello$/);
  const hello = (key: string) => getAs(url, key, 'x-api-key');

  expect((await hello('no-key')).status).toBe(401);
  await isOpen(url, 'key-of-globex', 'x-api-key');
  expect((await hello('key-of-globex')).body).toEqual({ hello: 'gus' });
  await startOfMinute();
  const answers = [];
  for (let n = 0; n < 4; n++) answers.push(await hello('key-of-acme'));
  expect(answers.map(({ status, remaining }) => [status, remaining])).toEqual([
    [200, '2'],
    [200, '1'],
    [200, '0'],
    [429, '0'],
  ]);
  // The quota of another tenant is another's: it has had two of its three, unless a minute has passed meanwhile.
  expect((await hello('key-of-globex')).status).toBe(200);

  app.kill('SIGTERM');
  expect(await app.exit).toEqual({ code: null, signal: 'SIGTERM' });
  const usage = ['usage', 'acme', '--json'];
  const report = JSON.parse(
    await output(process.execPath, [join(projectRoot, 'bin', 'tallygate.js'), ...usage], { cwd: folder }),
  );
  expect(report.totals).toMatchObject({ apiCalls: 3, activeUsers: 1 });
});
