// `reconcile` beside two servers whose journals it cannot read: their usage is explained while they run, through a restore of the ledger
// too, and what somebody changed by hand is found and named.
import { Readable } from 'node:stream';
import { createClient } from '@redis/client';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCommandLine } from '../../src/cli/commandLine.js';
import type { CommandProducer, CommandReconciliation } from '../../src/cli/installation.js';
import type { Config } from '../../src/config.js';
import { openInstallation } from '../../src/tallygate.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { sharedRedisUrl } from '../servers/redisServer.js';
import { newFolder } from '../servers/runFolder.js';
import { call, endServers, type FleetServer, startServers } from './serverFleet.js';

const PREFIX = 'reconcile-servers:';
const TENANTS = ['busy', 'counter', 'ledger', 'far'];
const TABLES = ['usage_producer', 'quota_charge', 'tenant_usage'];
let env: Record<string, string>;
let database: TestDatabase;
let client: pg.Client;
let servers: FleetServer[] = [];
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
    // Nobody flushes unless asked to.
    USAGE_METER_FLUSH_INTERVAL_MS: '3600000',
    QUOTA_FREE_PER_MINUTE: 'unlimited',
    QUOTA_FREE_PER_DAY: '1000000',
    QUOTA_FREE_PER_MONTH: '1000000',
    QUOTA_STORE_TIMEOUT_MS: '10000',
    LOG_LEVEL: 'silent',
  };
  servers = await startServers(2, env);
});
afterAll(async () => {
  await endServers(servers);
  await redis.close();
  await client?.end();
  await database?.drop();
});

interface Found {
  readonly status: number;
  readonly tenants: readonly CommandReconciliation[];
  readonly summary: { readonly tenants: number; readonly unexplained: number };
  readonly notFlushed: readonly CommandProducer[];
  readonly pendingUnknown: readonly CommandProducer[];
}

async function reconciled(...words: string[]): Promise<Found> {
  let stdout = '';
  const result = (text: string) => {
    stdout += text;
  };
  const terminal = { stdin: Readable.from([]), result, message: () => {}, isWatched: false };
  const open = async (config: Config) => openInstallation(config);
  const parts = {
    terminal,
    env: { ...env, TALLYGATE_DATA_DIR: newFolder('cli') },
    open,
    serve: async () => 1 as const,
  };
  const status = await runCommandLine(parts, ['reconcile', ...words, '--json']);
  return { status, ...JSON.parse(stdout) };
}

async function consume(tenant: string, cost: number, server: 0 | 1): Promise<void> {
  const { status } = await call('POST', `${servers[server]?.url}/v1/consume`, { tenant, cost });
  expect(status).toBe(200);
}

const restsOf = ({ tenants }: Found) =>
  Object.fromEntries(tenants.map(({ tenantId, windows }) => [tenantId, windows.map(({ rest }) => rest)]));

it('while two servers go on, nothing is unexplained, of all tenants and of the one that moves', async () => {
  let going = true;
  const client = async (server: 0 | 1) => {
    for (let cost = 1; going; cost = (cost % 5) + 1) {
      for (const tenant of TENANTS) await consume(tenant, tenant === 'busy' ? cost : 1, server);
    }
  };
  const traffic = [client(0), client(1), client(0)];
  try {
    const all = await reconciled();
    expect(all).toMatchObject({ status: 0, tenants: [], notFlushed: [], pendingUnknown: [] });
    expect(all.summary).toEqual({ tenants: TENANTS.length, unexplained: 0 });
    const busy = await reconciled('busy');
    expect([busy.status, restsOf(busy)]).toEqual([0, { busy: [0, 0] }]);
  } finally {
    going = false;
    await Promise.all(traffic);
  }
});

it('once they rest, all of it is in the ledger, and there is room for no rest', async () => {
  const { tenants } = await reconciled(...TENANTS);
  for (const { windows } of tenants) {
    const exact = { rest: 0, pending: [], held: 0, between: { least: 0, most: 0 }, isMoving: false };
    expect(windows).toMatchObject([exact, exact]);
    for (const { used, ledger } of windows) expect([used > 0, ledger]).toEqual([true, used]);
  }
});

it('idle servers bring again what a restore of the ledger took, as soon as they look at it', async () => {
  for (const table of TABLES) await client.query(`CREATE TABLE old_${table} AS TABLE tallygate.${table}`);
  for (const server of [0, 1] as const) await consume('busy', 40, server);
  const before = await reconciled('busy');
  for (const table of TABLES) {
    await client.query(`DELETE FROM tallygate.${table}; INSERT INTO tallygate.${table} TABLE old_${table}`);
  }
  const after = await reconciled('busy');
  expect([restsOf(after), after.status]).toEqual([{ busy: [0, 0] }, 0]);
  expect(after.tenants[0]?.windows[0]?.ledger).toBe(before.tenants[0]?.windows[0]?.ledger);
  expect((await client.query('SELECT count(*)::integer AS gaps FROM tallygate.usage_gap')).rows).toEqual([{ gaps: 0 }]);
});

it('a counter and a row of the ledger that somebody changed are found among all tenants, with how far they are off', async () => {
  const [key = ''] = await redis.keys(`${PREFIX}*counter*`);
  const [start, length, used, ...rest] = ((await redis.hGet(key, 'day')) ?? '').split(' ');
  await redis.hSet(key, 'day', [start, length, Number(used) + 7, ...rest].join(' '));
  await client.query(`UPDATE tallygate.quota_charge SET units = units - 3 WHERE tenant_id = 'ledger'`);
  const found = await reconciled();
  expect([found.status, found.summary.unexplained]).toEqual([1, 2]);
  expect(restsOf(found)).toEqual({ counter: [7, 0], ledger: [3, 3] });
  await redis.hSet(key, 'day', [start, length, used, ...rest].join(' '));
  await client.query(`UPDATE tallygate.quota_charge SET units = units + 3 WHERE tenant_id = 'ledger'`);
});

it('a process that does not answer is named, also once it counts as dead; what it has is explained when it is back', async () => {
  await consume('far', 5, 1);
  const stopped = servers[1]?.process;
  stopped?.kill('SIGSTOP');
  const pid = { pid: stopped?.pid };
  try {
    const silent = await reconciled('far', '--wait', '1');
    expect([silent.status, restsOf(silent)]).toEqual([1, { far: [5, 5] }]);
    expect(silent.notFlushed).toMatchObject([pid]);
    await client.query(
      `UPDATE tallygate.usage_producer SET last_seen_at = now() - interval '11 minutes' WHERE pid = ${stopped?.pid}`,
    );
    const dead = await reconciled('far', '--wait', '1');
    expect(dead).toMatchObject({ status: 1, notFlushed: [], pendingUnknown: [{ ...pid, hasJournal: true }] });
  } finally {
    stopped?.kill('SIGCONT');
  }
  // It counts as dead until it has said something.
  await client.query(`UPDATE tallygate.usage_producer SET last_seen_at = now() WHERE pid = ${stopped?.pid}`);
  expect(await reconciled()).toMatchObject({ status: 0, summary: { unexplained: 0 }, notFlushed: [] });
});
