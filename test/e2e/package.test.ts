// The packed package in an app of a user's own, with Express 4 and 5, from CommonJS and from ESM: real processes, configured by
// the environment alone, driven over HTTP.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';
import { TYPE_PROJECTS, typeFiles } from './packageTypes.js';
import { installApp, output, packProject, projectRoot } from './packedApp.js';
import { getAs, isOpen, startOfMinute } from './quickStart.js';

// The mission's four lines, between a stand-in for authentication and a route.
const BEFORE = `
const app = express();
app.use((req, res, next) => {
  req.tenantId = req.headers['x-tenant'];
  next();
});
`;
const AFTER = `
app.use(tenantQuota);  // Check quota first
app.use(usageMeter);   // Then record usage
app.get('/hello', (req, res) => res.json({ tenant: req.tenantId }));
const server = app.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
`;
const LINES = `
const usageMeter = require('tallygate/middleware/usageMeter');
const tenantQuota = require('tallygate/middleware/tenantQuota');
`;
const IMPORTS = `
import usageMeter from 'tallygate/middleware/usageMeter';
import tenantQuota from 'tallygate/middleware/tenantQuota';
`;

const apps = {
  'required.cjs': `const express = require('express');${LINES}${BEFORE}${AFTER}`,
  'imported.mjs': `import express from 'express';${IMPORTS}${BEFORE}${AFTER}`,
  // Half of the app requires the pair, half imports it: each request passes both.
  'both.mjs': `import express from 'express';
import { createRequire } from 'node:module';
${IMPORTS}
const require = createRequire(import.meta.url);
console.log('same ' + (require('tallygate/middleware/usageMeter') === usageMeter));
${BEFORE}
app.use(require('tallygate/middleware/usageMeter'));
${AFTER}`,
};

// Well under 10 s each on a quiet machine; the embedded database is made once for each version of Express.
const LONGEST_TEST_MS = 120_000;

const folders = new Map<string, string>();
let started: StartedProcess[] = [];

beforeAll(async () => {
  const tarball = await packProject();
  const versions = [
    ['4', ['express@4', '@types/node@20'], false],
    ['5', ['express@5', '@types/express@5', '@types/node@20'], true],
  ] as const;
  await Promise.all(
    versions.map(async ([version, packages, express]) => {
      folders.set(version, await installApp(tarball, packages, { ...apps, ...typeFiles({ express }) }));
    }),
  );
}, LONGEST_TEST_MS);

afterEach(async () => {
  await Promise.all(started.map((one) => one.end()));
  started = [];
});

const folderOf = (version: string) => folders.get(version) ?? '';
// The timeout: a busy machine must not decide what a test of packaging says.
const environment = { QUOTA_FREE_PER_MINUTE: '3', QUOTA_STORE_TIMEOUT_MS: '5000' };

async function start(version: string, file: string): Promise<{ url: string; app: StartedProcess }> {
  const app = await startProcess(process.execPath, [file], {
    cwd: folderOf(version),
    env: { ...environment, TALLYGATE_DATA_DIR: join(folderOf(version), 'data') },
  });
  started.push(app);
  const [, port] = await app.waitForLine(/^port (\d+)$/);
  return { url: `http://127.0.0.1:${port}/hello`, app };
}

/** What the ledger holds for a tenant, read with the installed command line after the app has ended. */
async function apiCallsOf(version: string, tenantId: string): Promise<number> {
  const text = await output(
    join(folderOf(version), 'node_modules', '.bin', 'tallygate'),
    ['usage', tenantId, '--json'],
    {
      cwd: folderOf(version),
      env: { TALLYGATE_DATA_DIR: join(folderOf(version), 'data') },
    },
  );
  return (JSON.parse(text) as { totals: { apiCalls: number } }).totals.apiCalls;
}

describe.each(['4', '5'])('in an app with Express %s', (version) => {
  it.each(['required.cjs', 'imported.mjs'])(
    '%s: 200 with headers up to the quota, then 429; SIGTERM loses nothing',
    async (file) => {
      const { url, app } = await start(version, file);
      await isOpen(url, 'warm-up');
      await startOfMinute();
      const answers = [];
      for (let n = 0; n < 4; n++) answers.push(await getAs(url, file));
      expect(answers.map(({ status, remaining }) => [status, remaining])).toEqual([
        [200, '2'],
        [200, '1'],
        [200, '0'],
        [429, '0'],
      ]);
      const denied = answers[3];
      expect(denied?.body).toMatchObject({ status: 429, code: 'quota_exceeded', 'violated-policies': ['minute'] });
      expect(Number(denied?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(answers[0]?.headers.get('retry-after')).toBeNull();
      expect(answers[0]?.headers.get('x-ratelimit-limit-day')).toBe('5000');
      expect(answers[0]?.headers.get('ratelimit-policy')).toMatch(/minute/);
      app.kill('SIGTERM');
      // The app does not listen for the signal, so after the flush the signal ends it, as it would without Tallygate.
      expect(await app.exit).toEqual({ code: null, signal: 'SIGTERM' });
      expect(await apiCallsOf(version, file)).toBe(3);
    },
    LONGEST_TEST_MS,
  );

  it.each(TYPE_PROJECTS)('types compile under %s', async (project) => {
    const tsc = join(projectRoot, 'node_modules', 'typescript', 'bin', 'tsc');
    await output(process.execPath, [tsc, '-p', join(folderOf(version), `tsconfig.${project}.json`)], {
      cwd: folderOf(version),
    });
    expect(existsSync(join(folderOf(version), 'node_modules', '@types', 'express'))).toBe(version === '5');
  });
});

it('require and import share one instance: a request that passes both is metered once', async () => {
  const { url, app } = await start('5', 'both.mjs');
  await app.waitForLine(/^same true$/);
  await isOpen(url, 'warm-up');
  expect((await getAs(url, 'both')).status).toBe(200);
  app.kill('SIGTERM');
  await app.exit;
  expect(await apiCallsOf('5', 'both')).toBe(1);
});

it('npx tallygate answers from the installed package, and its first step says that nothing is to be done', async () => {
  const cwd = folderOf('4');
  expect(await output('npx', ['--no-install', 'tallygate', '--help'], { cwd })).toMatch(/replay/);
  const env = { TALLYGATE_DATA_DIR: join(cwd, 'data') };
  expect(await output('npx', ['--no-install', 'tallygate', 'migrate'], { cwd, env })).toMatch(/embedded/i);
});

it('all faults in the environment are thrown by require, at once', async () => {
  const app = await startProcess(process.execPath, ['required.cjs'], {
    cwd: folderOf('5'),
    env: { QUOTA_FREE_PER_MINUTE: 'sixty', QUOTA_MODE: 'fast' },
  });
  started.push(app);
  expect((await app.exit).code).toBe(1);
  expect(app.stderr()).toMatch(/QUOTA_FREE_PER_MINUTE/);
  expect(app.stderr()).toMatch(/QUOTA_MODE/);
  expect(app.stdout()).toBe('');
});
