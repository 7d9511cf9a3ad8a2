// `doctor`, `quarantine` and `user erase` on real stores, from the command line down.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCommandLine } from '../../src/cli/commandLine.js';
import type { Config } from '../../src/config.js';
import type { FindingCode } from '../../src/core/diagnosis.js';
import { userHashOf } from '../../src/core/usage/activeDays.js';
import { postgresLedger } from '../../src/stores/postgres/postgresLedger.js';
import { createPostgresPool, type OwnedPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { openInstallation } from '../../src/tallygate.js';
import { batchOf, callsOf, uuidAt } from '../../src/testing/usageLedgerCase.js';
import { createDatabase, createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { embeddedDataFolder } from '../servers/embeddedFolder.js';
import { freePort } from '../servers/freePort.js';
import { sharedRedisUrl } from '../servers/redisServer.js';
import { newFolder } from '../servers/runFolder.js';

const DATE = '2024-02-29';
let database: TestDatabase;
let pool: OwnedPostgresPool;
let client: pg.Client;
beforeAll(async () => {
  database = await createMigratedDatabase();
  pool = createPostgresPool({ url: database.url });
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await pool?.end();
  await database?.drop();
});

const ledger = () => postgresLedger(pool, { schema: 'tallygate' });

async function run(line: string, env: Readonly<Record<string, string>>) {
  const written = { stdout: '', stderr: '' };
  const terminal = {
    stdin: Readable.from([]),
    result: (text: string) => {
      written.stdout += text;
    },
    message: (text: string) => {
      written.stderr += text;
    },
    isWatched: false,
  };
  const open = async (config: Config) => openInstallation(config);
  const parts = {
    terminal,
    env: { LOG_LEVEL: 'silent', TALLYGATE_DATA_DIR: newFolder('data'), ...env },
    open,
    serve: async () => 1 as const,
  };
  return { status: await runCommandLine(parts, line.split(' ')), ...written };
}

async function found(env: Readonly<Record<string, string>>) {
  const { status, stdout } = await run('doctor --json', env);
  const { findings } = JSON.parse(stdout) as { findings: { code: FindingCode; what: string }[] };
  return { status, codes: findings.map(({ code }) => code).sort(), what: findings.map(({ what }) => what).join('\n') };
}

async function registered(): Promise<string> {
  const producerId = await ledger().newProducerId();
  await ledger().registerProducer(producerId, { host: 'test', pid: 7 });
  return producerId;
}

it('doctor finds nothing wrong with what is new', async () => {
  const env = { DATABASE_URL: database.url, REDIS_URL: sharedRedisUrl() };
  expect(await found(env)).toEqual({ status: 0, codes: [], what: '' });
});

it('nor with an embedded database that is new', { timeout: 120_000 }, async () => {
  expect(await found({ TALLYGATE_DATA_DIR: await embeddedDataFolder() })).toEqual({ status: 0, codes: [], what: '' });
});

it('doctor names every store that does not answer, and what is to be migrated', async () => {
  const port = await freePort();
  const away = { DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none`, REDIS_URL: `redis://127.0.0.1:${port}` };
  expect(await found(away)).toMatchObject({ status: 1, codes: ['counter_store_away', 'ledger_away'] });
  const empty = await createDatabase();
  expect(await found({ DATABASE_URL: empty.url })).toMatchObject({ status: 1, codes: ['migrations_pending'] });
  await empty.drop();
});

it('doctor tells of rows put aside, gaps, producers, and journals that are left alone', async () => {
  const [first, second] = [await registered(), await registered()];
  await ledger().apply(
    batchOf(first, 0, 1, { calls: [callsOf('poison', DATE, -1), callsOf('poison', '2024-02-28', 1)] }),
  );
  await ledger().recordGap({ producerId: second, from: 1, to: 5, reason: 'test' });
  const data = newFolder('data');
  const foreign = uuidAt(Date.now());
  mkdirSync(join(data, 'journal', foreign), { recursive: true });
  const header = { format: 1, producerId: foreign, ledgerId: uuidAt(0), host: 'elsewhere', after: 0 };
  writeFileSync(join(data, 'journal', foreign, 'header.json'), JSON.stringify(header));
  mkdirSync(join(data, 'journal', 'quarantine'));
  writeFileSync(join(data, 'journal', 'quarantine', 'damaged.seg'), 'x');
  const alone = await found({ DATABASE_URL: database.url, TALLYGATE_DATA_DIR: data });
  expect(alone).toMatchObject({
    status: 1,
    codes: ['damaged_records', 'foreign_journal', 'producers_count_alone', 'quarantined_rows', 'usage_gap'],
  });
  for (const name of [first, second, foreign, 'damaged.seg']) expect(alone.what).toContain(name);
  await client.query(`UPDATE tallygate.usage_producer SET last_seen_at = now() - INTERVAL '11 minutes' WHERE id = $1`, [
    first,
  ]);
  const shared = await found({ DATABASE_URL: database.url, REDIS_URL: sharedRedisUrl() });
  expect(shared).toMatchObject({ status: 1, codes: ['quarantined_rows', 'silent_producer', 'usage_gap'] });
});

it('a row that was put aside is listed, counted once the tables take it, and no longer listed', async () => {
  const env = { DATABASE_URL: database.url };
  await client.query('ALTER TABLE tallygate.tenant_usage ADD CONSTRAINT full_up CHECK (api_calls < 1000)');
  const sums = { calls: [callsOf('full', DATE, 5_000), callsOf('given-up', DATE, 6_000)] };
  await ledger().apply(batchOf(await registered(), 0, 1, sums));
  const { rows } = JSON.parse((await run('quarantine list --json', env)).stdout);
  const idOf = (tenantId: string) =>
    rows.find((row: { content: { tenantId: string } }) => row.content.tenantId === tenantId).id;
  expect(await run(`quarantine retry ${idOf('full')}`, env)).toMatchObject({ status: 1 });
  await client.query('ALTER TABLE tallygate.tenant_usage DROP CONSTRAINT full_up');
  expect(await run(`quarantine retry ${idOf('full')}`, env)).toMatchObject({ status: 0 });
  expect((await ledger().readUsage('full', DATE, DATE)).days[0]?.apiCalls).toBe(5_000);
  expect(await run(`quarantine discard ${idOf('given-up')}`, env)).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('"apiCalls":6000'),
  });
  const { stdout } = await run('quarantine list', env);
  expect(stdout).not.toMatch(/"(full|given-up)"/);
});

it('a user is erased by the id that the app uses', async () => {
  const env = { DATABASE_URL: database.url };
  const { hashKey } = await ledger().identity();
  const user = { tenantId: 'acme', userHash: userHashOf(hashKey, 'acme', 'ann'), month: '2024-02', dayMask: 0b11 };
  await ledger().apply(batchOf(await registered(), 0, 1, { users: [user] }));
  const counts = async () => (await ledger().readUsage('acme', '2024-02-01', DATE)).activeUsers;
  expect(await run('user erase acme bob --json', env)).toMatchObject({ stdout: '{"tenantId":"acme","months":0}\n' });
  expect(await run('user erase acme ann --json', env)).toMatchObject({ stdout: '{"tenantId":"acme","months":1}\n' });
  expect(await counts()).toBe(1);
  await ledger().apply(batchOf(await registered(), 0, 1, { users: [user] }));
  expect(await counts()).toBe(2);
});

it('usage says whether it is complete, and what is missing', async () => {
  const env = { DATABASE_URL: database.url };
  const february = `--from 2024-02-01 --to ${DATE}`;
  const asked = async (line: string) => JSON.parse((await run(`usage ${line} --json`, env)).stdout);
  // Those that this file has registered live, and have not said yet that they brought what they had.
  expect(await asked(`acme ${february}`)).toMatchObject({ complete: false, gaps: [] });
  await client.query('UPDATE tallygate.usage_producer SET flushed_until = now()');
  expect(await asked(`acme ${february}`)).toMatchObject({ complete: true, gaps: [] });
  expect(await asked(`poison ${february}`)).toMatchObject({ complete: false, quarantinedRows: 1 });
  const present = await asked('acme');
  expect(present).toMatchObject({ complete: false, gaps: [{ records: 4, reason: 'test' }] });
  expect(present.totals).toMatchObject({ apiCalls: 0, activeUsers: 0, noData: true });
});
