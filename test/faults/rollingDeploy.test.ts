// A rolling deploy from the version before, and its way back: both versions on one PostgreSQL, one Redis and one data folder, while
// requests go on. Guarantees 1 and 3 hold over both.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { versionBefore } from '../rolling/versionBefore.js';
import { startProcess } from '../servers/childProcess.js';
import { createDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { newFolder } from '../servers/runFolder.js';
import { until } from '../servers/until.js';
import { chargesOf, rowsOf } from './ledgerRows.js';
import { call, endServers, type FleetServer, setTenant, startServer, TALLYGATE } from './serverFleet.js';
import { Traffic } from './traffic.js';

/** Reached while both versions serve, and never again given. */
const LIMIT = 200;
/** Requests between two steps of a deploy. */
const STEP = 120;

let database: TestDatabase;
let redis: RedisServer;
let before: string;
let env: Record<string, string>;
const servers = new Set<FleetServer>();

beforeAll(async () => {
  [database, redis] = await Promise.all([createDatabase(), startRedis()]);
  before = versionBefore();
  env = {
    ...{ DATABASE_URL: database.url, REDIS_URL: redis.url, TALLYGATE_DATA_DIR: newFolder('shared') },
    ...{ QUOTA_STORE_TIMEOUT_MS: '10000', QUOTA_FREE_PER_MINUTE: 'unlimited', QUOTA_FREE_PER_DAY: String(LIMIT) },
    ...{ QUOTA_PRO_PER_MINUTE: 'unlimited', QUOTA_PRO_PER_DAY: 'unlimited', USAGE_METER_FLUSH_INTERVAL_MS: '250' },
  };
});
afterAll(async () => {
  await Promise.all([...servers].map((server) => server.process.end()));
  await redis?.stop();
  await database?.drop();
});

async function start(command: string, more: Readonly<Record<string, string>> = {}): Promise<FleetServer> {
  const server = await startServer({ ...env, ...more }, command);
  servers.add(server);
  return server;
}

async function end(...ended: FleetServer[]): Promise<void> {
  expect(await endServers(ended)).toEqual(ended.map(() => 0));
}

async function migrate(command: string): Promise<string> {
  const child = await startProcess('node', [command, 'migrate'], { env });
  const { code } = await child.exit;
  expect(code, child.stderr()).toBe(0);
  return child.stdout();
}

/** As a machine that dies: what is not in the ledger is in its journal alone. Drained, so that each request has its answer. */
async function kill(traffic: Traffic, server: FleetServer): Promise<void> {
  await traffic.drain(server);
  await server.process.end();
}

const reserve = async (server: FleetServer, estimate: number): Promise<string> => {
  const { body } = await call('POST', `${server.url}/v1/reserve`, { tenant: 'reserving', estimate });
  return String(body.id);
};
const commit = async (server: FleetServer, id: string, actual: number): Promise<number> =>
  (await call('POST', `${server.url}/v1/reservations/${id}/commit`, { actual })).status;

/** Flushes by its interval only, an hour long: with few rows all of its usage is in the journal when it is killed. */
const LATE = { USAGE_METER_FLUSH_INTERVAL_MS: '3600000' };

it('the limit holds exactly over both versions, and the ledger has what was answered: on the way there and back', {
  timeout: 240_000,
}, async () => {
  expect(await migrate(before)).toContain('applied');
  const [oldLate, old] = await Promise.all([start(before, LATE), start(before)]);
  await setTenant(old, 'limited', {});
  await setTenant(old, 'billed', { plan: 'pro' });
  await setTenant(old, 'reserving', {});
  const traffic = new Traffic(['limited', 'billed']);
  traffic.add(oldLate, old);
  await traffic.goOn(STEP);
  const reservedByOld = await reserve(old, 40);

  await migrate(TALLYGATE);
  await traffic.goOn(STEP);
  // The new version finds the journal of an old process that was killed.
  await kill(traffic, oldLate);
  const [newLate, fresh] = await Promise.all([start(TALLYGATE, LATE), start(TALLYGATE)]);
  traffic.add(newLate, fresh);
  await traffic.goOn(STEP);
  expect(await commit(fresh, reservedByOld, 25)).toBe(200);
  await traffic.drain(old);
  await end(old);
  await traffic.goOn(STEP);

  // Back again, on tables that are ahead of it: the old version finds the journal of a new process that was killed, and leaves it
  // alone, since it may hold what the old one does not know.
  const reservedByNew = await reserve(fresh, 30);
  await kill(traffic, newLate);
  const again = await start(before);
  await again.process.waitForLine(/A journal is left alone/, 60_000);
  traffic.add(again);
  await traffic.goOn(STEP);
  expect(await commit(again, reservedByNew, 35)).toBe(200);
  await traffic.drain(fresh);
  await end(fresh);
  await traffic.goOn(STEP);
  await traffic.end();

  const limited = traffic.answered('limited');
  expect(limited.admitted).toBe(LIMIT);
  await end(again);

  // And there once more: what was left alone is brought to the ledger.
  const last = await start(TALLYGATE);
  const billed = traffic.answered('billed');
  expect(billed.denied).toBe(0);
  const figures = async () => ({
    limited: await chargesOf(database, 'limited'),
    billed: await chargesOf(database, 'billed'),
    reserving: (await chargesOf(database, 'reserving')).units,
    usage: await rowsOf(
      database,
      `select tenant_id, sum(api_calls)::int calls, sum(active_users)::int users
       from tallygate.tenant_usage where tenant_id in ('limited', 'billed') group by 1 order by 1`,
    ),
    notRight: await rowsOf(
      database,
      `select (select count(*)::int from tallygate.usage_gap) gaps, (select count(*)::int from tallygate.quarantine) aside`,
    ),
  });
  const none = { overage: 0, unconfirmed: 0 };
  const expected = {
    limited: { units: LIMIT, denied: limited.denied, ...none },
    billed: { units: billed.admitted, denied: 0, ...none },
    reserving: 60,
    usage: [
      { tenant_id: 'billed', calls: billed.admitted, users: billed.users.size },
      { tenant_id: 'limited', calls: LIMIT, users: limited.users.size },
    ],
    notRight: [{ gaps: 0, aside: 0 }],
  };
  const isThere = async () => (await figures()).billed.units >= billed.admitted;
  await until(isThere, { deadlineMs: 30_000, what: 'the replay', pollMs: 100 }).catch(() => undefined);
  expect(await figures()).toEqual(expected);
  await end(last);
});
