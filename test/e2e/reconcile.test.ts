// `reconcile` beside an app that goes on: everything that was charged is found where it is recorded, and what is not is told.
import { Readable } from 'node:stream';
import { createClient } from '@redis/client';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { runCommandLine } from '../../src/cli/commandLine.js';
import type { Config } from '../../src/config.js';
import { createTallygate, openInstallation, type Tallygate } from '../../src/tallygate.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { sharedRedisUrl } from '../servers/redisServer.js';
import { newFolder } from '../servers/runFolder.js';

const PREFIX = 'reconcile:';
let env: Record<string, string>;
let database: TestDatabase;
let tallygate: Tallygate;
let client: pg.Client;
const redis = createClient({ url: sharedRedisUrl() });

beforeAll(async () => {
  database = await createMigratedDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await redis.connect();
  env = {
    DATABASE_URL: database.url,
    REDIS_URL: sharedRedisUrl(),
    REDIS_KEY_PREFIX: PREFIX,
    TALLYGATE_DATA_DIR: newFolder('data'),
    USAGE_METER_FLUSH_INTERVAL_MS: '3600000',
    QUOTA_FREE_PER_MONTH: '1000000',
    QUOTA_STORE_TIMEOUT_MS: '10000',
    LOG_LEVEL: 'silent',
  };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  tallygate = createTallygate();
});
afterAll(async () => {
  await tallygate?.close();
  await redis.close();
  await client?.end();
  await database?.drop();
  vi.unstubAllEnvs();
});

async function reconciled(tenantId: string) {
  let stdout = '';
  const result = (text: string) => {
    stdout += text;
  };
  let stderr = '';
  const message = (text: string) => {
    stderr += text;
  };
  const terminal = { stdin: Readable.from([]), result, message, isWatched: false };
  const open = async (config: Config) => openInstallation(config);
  const words = ['reconcile', tenantId, '--json'];
  const status = await runCommandLine({ terminal, env, open, serve: async () => 1 as const }, words);
  expect(stderr).toBe('');
  const [tenant] = JSON.parse(stdout).tenants;
  return { status, windows: tenant.windows, days: tenant.days };
}

it('what was charged is in the ledger, on its way there, or held', async () => {
  for (const cost of [1, 2, 3]) await tallygate.quota.consume('acme', { cost });
  const { status, windows } = await reconciled('acme');
  expect(status).toBe(0);
  expect(windows.map(({ name }: { name: string }) => name)).toEqual(['day', 'month']);
  for (const { used, held, rest, ledger, pending } of windows) {
    // Asked to, the app has brought what it had.
    expect([used, held, rest, ledger, pending]).toEqual([6, 0, 0, 6, []]);
  }
  await tallygate.quota.reserve('acme', { estimate: 10 });
  const held = { ledger: 6, pending: [], used: 16, held: 10, rest: 0, between: { least: 0, most: 10 } };
  expect(await reconciled('acme')).toMatchObject({ status: 0, windows: [held, held] });
});

it('what an app cannot bring is in its journal, and read there', async () => {
  await tallygate.quota.consume('late', { cost: 4 });
  await tallygate.flush();
  // Whatever it sends waits behind this.
  await client.query('BEGIN; LOCK TABLE tallygate.quota_charge IN SHARE MODE');
  try {
    await tallygate.quota.consume('late', { cost: 5 });
    const waits = { ledger: 4, pending: [{ units: 5 }], used: 9, held: 0, rest: 0 };
    expect(await reconciled('late')).toMatchObject({ status: 0, windows: [waits, waits] });
  } finally {
    await client.query('ROLLBACK');
  }
});

it('while requests go on, what is in flight is no rest', async () => {
  await tallygate.quota.consume('busy');
  let going = true;
  const traffic = (async () => {
    while (going) await tallygate.quota.consume('busy');
  })();
  const { status, windows } = await reconciled('busy').finally(() => {
    going = false;
  });
  await traffic;
  expect([status, windows.map(({ rest }: { rest: number }) => rest)]).toEqual([0, [0, 0]]);
});

it('what only the counter knows is told as a rest, window by window, and ends with 1', async () => {
  await tallygate.quota.consume('odd', { cost: 5 });
  const [key] = await redis.keys(`${PREFIX}*odd*`);
  const day = await redis.hGet(key ?? '', 'day');
  const [start, length, used, ...rest] = (day ?? '').split(' ');
  await redis.hSet(key ?? '', 'day', [start, length, Number(used) + 7, ...rest].join(' '));
  expect(await reconciled('odd')).toMatchObject({
    status: 1,
    windows: [
      { name: 'day', used: 12, rest: 7 },
      { name: 'month', used: 5, rest: 0 },
    ],
  });
});

it('a closed day whose active users are not its rows is told', async () => {
  const yesterday = new Date(Date.now() - 86_400_000);
  await tallygate.usage.record('users', { apiCalls: 1, user: 'ann', at: yesterday });
  await tallygate.flush();
  expect(await reconciled('users')).toMatchObject({ status: 0, windows: [], days: [] });
  await client.query(`UPDATE tallygate.tenant_usage SET active_users = 3 WHERE tenant_id = 'users'`);
  const odd = { figure: 'active_users', recorded: 3, counted: 1 };
  expect(await reconciled('users')).toMatchObject({ status: 1, days: [odd] });
});

it('a storage day that is not its points, a meter below what the quota admitted, a closed day that lost calls are told', async () => {
  const yesterday = new Date(Date.now() - 86_400_000);
  const date = yesterday.toISOString().slice(0, 10);
  await tallygate.usage.record('days', { apiCalls: 5, storageBytes: 100, at: yesterday });
  await tallygate.flush();
  const report = JSON.stringify({ daily: [{ date, apiCalls: 6, activeUsers: 0 }] });
  for (const statement of [
    `UPDATE tallygate.tenant_usage SET storage_peak_bytes = 777 WHERE tenant_id = 'days' AND storage_last_at IS NOT NULL`,
    `INSERT INTO tallygate.quota_charge (tenant_id, usage_date, meter, reset_number, units) VALUES ('days', '${date}', 'tokens', 0, 4)`,
    `INSERT INTO tallygate.closed_period VALUES ('days', date_trunc('month', '${date}'::date), now(), 'test', 6, 0, 0, '${report}')`,
  ]) {
    await client.query(statement);
  }
  const { status, days } = await reconciled('days');
  expect(status).toBe(1);
  expect(days.map(({ figure }: { figure: string }) => figure)).toEqual(['meter', 'storage', 'closed_api_calls']);
  expect(days[0]).toMatchObject({ usageDate: date, meter: 'tokens', recorded: 0, counted: 4 });
  expect(days[2]).toMatchObject({ usageDate: date, recorded: 5, counted: 6 });
});
