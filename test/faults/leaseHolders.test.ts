// Guarantee 1 where a process that holds a lease dies, stands still, or ends: what a dead one held is burned and never granted
// again, what one stood still over is over, and what one still has at its end goes back.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { until } from '../servers/until.js';
import { chargesOf } from './ledgerRows.js';
import {
  type Answer,
  consume,
  endServers,
  type FleetServer,
  flood,
  setTenant,
  standingOf,
  startServers,
} from './serverFleet.js';

const LIMIT = 2_000;

let database: TestDatabase;
let redis: RedisServer;
let servers: FleetServer[] = [];

beforeAll(async () => {
  [database, redis] = await Promise.all([createMigratedDatabase(), startRedis()]);
});

afterEach(async () => {
  await Promise.all(servers.map((server) => server.process.end()));
  servers = [];
});

afterAll(async () => {
  await redis?.stop();
  await database?.drop();
});

/** Two processes in leased mode, and a tenant with a day that does not end under the test. */
async function twoHolders(tenant: string): Promise<[FleetServer, FleetServer]> {
  servers = await startServers(2, {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    QUOTA_MODE: 'leased',
    QUOTA_FREE_PER_MINUTE: 'unlimited',
    QUOTA_FREE_PER_DAY: 'unlimited',
    QUOTA_STORE_TIMEOUT_MS: '10000',
  });
  const [one, other] = servers as [FleetServer, FleetServer];
  await setTenant(one, tenant, { limits: { day: LIMIT } });
  await until(async () => (await standingOf(other, tenant, 'day')).remaining === LIMIT, { what: 'the setting' });
  return [one, other];
}

const admitted = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 200).length;

/** Asks at once until something is held; @returns what was admitted so far. */
async function holding(server: FleetServer, tenant: string): Promise<number> {
  let sum = 0;
  await until(
    async () => {
      sum += admitted(await flood(40, 20, () => consume(server, tenant)));
      return (await standingOf(server, tenant, 'day')).held > 0;
    },
    { what: 'a block is held' },
  );
  return sum;
}

/** Asks one by one until the tenant is refused; @returns what was admitted. */
async function emptied(server: FleetServer, tenant: string): Promise<number> {
  let sum = 0;
  await until(
    async () => {
      const answers = await flood(100, 10, () => consume(server, tenant));
      sum += admitted(answers);
      return admitted(answers) === 0;
    },
    { deadlineMs: 40_000, what: 'the limit is reached' },
  );
  return sum;
}

it('a holder that is killed burns at most what it held: the others never get more than the limit', async () => {
  const [victim, survivor] = await twoHolders('killed');
  const before = await holding(victim, 'killed');
  victim.process.kill('SIGKILL');
  await victim.process.exit;
  const { used, held } = await standingOf(survivor, 'killed', 'day');
  const burned = Number(used) - before;
  const sum = before + (await emptied(survivor, 'killed'));
  console.info(`killed holder: ${sum} of ${LIMIT} admitted, ${LIMIT - sum} burned (it held a block of ${held})`);
  expect(sum).toBeLessThanOrEqual(LIMIT);
  expect(burned).toBeGreaterThanOrEqual(0);
  expect(burned).toBeLessThanOrEqual(held);
  // Everything else was admitted, to the last unit.
  expect(LIMIT - sum).toBe(burned);
});

it('a holder that stood still for longer than its lease does not spend from it afterwards', async () => {
  const [stopped, other] = await twoHolders('stopped');
  const before = await holding(stopped, 'stopped');
  stopped.process.kill('SIGSTOP');
  const during = await emptied(other, 'stopped');
  // In flight before it runs again: the first thing that it reads after its lease is over.
  const late = flood(60, 60, () => consume(stopped, 'stopped'));
  stopped.process.kill('SIGCONT');
  const after = admitted(await late);
  // What it held goes back when it runs again, and is then admitted.
  await until(async () => (await standingOf(other, 'stopped', 'day')).held === 0, { what: 'nothing is held' });
  const rest = await emptied(other, 'stopped');
  console.info(`stopped holder: ${before} + ${during} meanwhile + ${after} late + ${rest} at last of ${LIMIT}`);
  expect(before + during + after + rest).toBe(LIMIT);
});

it('a holder that ends gives back what it holds: used is what was admitted, and nothing is held', async () => {
  const [ending, other] = await twoHolders('ended');
  const sum = await holding(ending, 'ended');
  expect(await endServers([ending])).toEqual([0]);
  expect(await standingOf(other, 'ended', 'day')).toMatchObject({ used: sum, held: 0, remaining: LIMIT - sum });
  expect(await chargesOf(database, 'ended')).toMatchObject({ units: sum, denied: 0, unconfirmed: 0 });
});
