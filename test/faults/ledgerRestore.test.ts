// An older backup of PostgreSQL is put back under servers that go on taking requests: what it lacks is what they still keep, so the
// ledger ends with everything that was answered, once. One of them was started after the backup, which has never heard of it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate } from '../../src/stores/postgres/migrate.js';
import { createPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { type PostgresServer, startPostgres } from '../servers/postgresServer.js';
import { sharedRedisUrl } from '../servers/redisServer.js';
import { newFolder } from '../servers/runFolder.js';
import { until } from '../servers/until.js';
import { chargesOf, rowsOf } from './ledgerRows.js';
import { endServers, type FleetServer, setTenant, startServer } from './serverFleet.js';
import { Traffic } from './traffic.js';

const TENANT = `restored-${process.pid}-${Date.now()}`;
const WITHIN_MS = 60_000;

let postgres: PostgresServer;
let env: Record<string, string>;
const servers: FleetServer[] = [];

beforeAll(async () => {
  postgres = await startPostgres({ synchronous_commit: 'on' });
  const pool = createPostgresPool({ url: postgres.url, max: 1 });
  await migrate(pool, { schema: 'tallygate' }).finally(() => pool.end());
  env = {
    ...{ DATABASE_URL: postgres.url, REDIS_URL: sharedRedisUrl(), TALLYGATE_DATA_DIR: newFolder('shared') },
    ...{ QUOTA_STORE_TIMEOUT_MS: '10000', QUOTA_FREE_PER_MINUTE: 'unlimited', QUOTA_FREE_PER_DAY: '10000000' },
    USAGE_METER_FLUSH_INTERVAL_MS: '250',
  };
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.process.end()));
  await postgres?.stop();
});

async function start(): Promise<FleetServer> {
  const server = await startServer(env);
  servers.push(server);
  return server;
}

/** With owner and times: a data folder is PostgreSQL's user's. */
function copy(from: string, to: string): void {
  const { status, stderr } = spawnSync('cp', ['-a', from, to], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cp -a ${from} ${to}: ${stderr}`);
}

async function figures() {
  const [row] = await rowsOf(
    postgres,
    `select coalesce(sum(api_calls), 0)::int calls, coalesce(sum(active_users), 0)::int users,
            (select count(*)::int from tallygate.usage_producer) producers,
            (select count(*)::int from tallygate.usage_gap) gaps,
            (select count(*)::int from tallygate.quarantine) aside
     from tallygate.tenant_usage where tenant_id = $1`,
    [TENANT],
  );
  return { ...row, calls: Number(row?.calls), units: (await chargesOf(postgres, TENANT)).units };
}

const untilCalls = (calls: number, what: string) =>
  until(async () => (await figures()).calls >= calls, { deadlineMs: WITHIN_MS, what, pollMs: 100 });

it('nothing that was answered is lost, nothing counts twice, and no gap is told', { timeout: 240_000 }, async () => {
  const first = await start();
  await setTenant(first, TENANT, {});
  const traffic = new Traffic([TENANT]);
  traffic.add(first);
  await traffic.goOn(100);
  await untilCalls(50, 'something in the ledger');
  const backup = join(newFolder('backup'), 'data');
  await postgres.stop();
  copy(postgres.data, backup);
  await postgres.restart();
  const inBackup = (await figures()).calls;

  const second = await start();
  traffic.add(second);
  await traffic.goOn(200);
  await untilCalls(inBackup + 150, 'much that the backup lacks');
  expect(await figures()).toMatchObject({ producers: 2 });
  await postgres.stop();
  const before = traffic.answered(TENANT).admitted;
  spawnSync('rm', ['-rf', postgres.data]);
  copy(backup, postgres.data);
  await postgres.restart();
  await traffic.goOn(200);
  await traffic.end();

  const { admitted, denied, users } = traffic.answered(TENANT);
  const all = { calls: admitted, units: admitted, users: users.size, producers: 2, gaps: 0, aside: 0 };
  await untilCalls(admitted, 'everything').catch(() => undefined);
  expect(await figures()).toEqual(all);
  expect(denied).toBe(0);
  expect(await endServers([first, second])).toEqual([0, 0]);
  expect(await figures()).toEqual(all);
  process.stdout.write(`restored ${before - inBackup} answers that the backup of ${inBackup} lacked, of ${admitted}\n`);
});
