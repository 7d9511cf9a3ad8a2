// The ready-made pair at the end of an app, whoever ends it: what was answered is in the ledger, or said to be lost.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { builtModule } from '../servers/builtModule.js';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { newFolder } from '../servers/runFolder.js';

let database: TestDatabase;
let client: Client;
let app: StartedProcess | undefined;

beforeAll(async () => {
  database = await createMigratedDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
});

afterEach(() => app?.end());

afterAll(async () => {
  await client?.end();
  await database?.drop();
});

/** An app that answers `/slow` half a second after it was asked. `before` and `after` stand around the lines of the quick start. */
async function start(tenant: string, { before = '', after = '' }): Promise<{ url: string; app: StartedProcess }> {
  const script = join(newFolder('ready-made'), 'app.cjs');
  const source = `const { createServer } = require('node:http');
    const server = createServer();
    ${before}
    const usageMeter = require(${JSON.stringify(builtModule('readyMade/usageMeter'))});
    const tenantQuota = require(${JSON.stringify(builtModule('readyMade/tenantQuota'))});
    ${after}
    server.on('request', (req, res) => {
      req.tenantId = ${JSON.stringify(tenant)};
      tenantQuota(req, res, () => usageMeter(req, res, () => {
        if (req.url !== '/slow') return res.end('ok');
        console.log('slow');
        setTimeout(() => res.end('ok'), 500);
      }));
    });
    server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port));`;
  writeFileSync(script, source);
  const env = { DATABASE_URL: database.url, LOG_LEVEL: 'warn', USAGE_METER_FLUSH_INTERVAL_MS: '60000' };
  const started = await startProcess(process.execPath, [script], { env });
  app = started;
  const [url] = await started.waitForLine(/^http:.*$/);
  return { url, app: started };
}

async function callsOf(tenant: string): Promise<number> {
  const sum = 'select coalesce(sum(api_calls), 0)::int calls from tallygate.tenant_usage where tenant_id = $1';
  return (await client.query(sum, [tenant])).rows[0].calls;
}

it.each([
  ['on, after the pair', { after: `process.on('SIGTERM', () => server.close());` }],
  ['once, after the pair', { after: `process.once('SIGTERM', () => server.close());` }],
  ['once, before the pair', { before: `process.once('SIGTERM', () => server.close());` }],
])('an app that listens for the signal itself (%s) finishes its requests, and none is lost', async (name, code) => {
  const { url, app } = await start(name, code);
  const headers = { connection: 'close' };
  expect((await fetch(url, { headers })).status).toBe(200);
  const slow = fetch(`${url}/slow`, { headers });
  await app.waitForLine(/^slow$/);
  app.kill('SIGTERM');
  expect((await slow).status).toBe(200);
  expect(await app.exit).toEqual({ code: 0, signal: null });
  expect(await callsOf(name)).toBe(2);
});

it('an app that ends itself by process.exit is told what it lost', async () => {
  const { url, app } = await start('exits', { after: `process.on('SIGTERM', () => process.exit(0));` });
  expect((await fetch(url)).status).toBe(200);
  app.kill('SIGTERM');
  await app.exit;
  expect(app.stderr()).toContain('rows of usage could not be flushed and are lost');
});
