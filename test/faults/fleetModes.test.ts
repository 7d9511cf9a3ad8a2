// Guarantee 1 over real processes: never over the limit, in both modes, over 2, 4 and 8 processes; what leases cost near a
// limit, and what they save away from it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { until } from '../servers/until.js';
import { chargesOf } from './ledgerRows.js';
import { type RedisFigures, redisFigures } from './redisFigures.js';
import {
  type Answer,
  consume,
  costs,
  endServers,
  type FleetServer,
  flood,
  limitIn,
  setTenant,
  standingOf,
  startServers,
} from './serverFleet.js';

const LIMIT = 300;
const RATE = 60;
const PROCESSES = 8;
/** Longest wait until nothing is out on leases: their second, and a round trip of a busy machine. */
const IDLE_MS = 3_000;

let database: TestDatabase;

beforeAll(async () => {
  database = await createMigratedDatabase();
});

afterAll(() => database?.drop());

const admitted = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 200);
const denied = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 429);

describe.each(['strict', 'leased'] as const)('%s', (mode) => {
  let redis: RedisServer;
  let figures: RedisFigures;
  let servers: FleetServer[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    figures = await redisFigures(redis.url);
    servers = await startServers(PROCESSES, {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      QUOTA_MODE: mode,
      QUOTA_FREE_PER_MINUTE: 'unlimited',
      QUOTA_FREE_PER_DAY: 'unlimited',
      // No answer of a busy machine may count as none.
      QUOTA_STORE_TIMEOUT_MS: '10000',
    });
  });

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.process.end()));
    figures?.close();
    await redis?.stop();
  });

  const [first] = [() => servers[0] as FleetServer];

  /** The setting of each tenant is in force in every process: they commit in any order, so no one of them is the last. */
  async function prepared(tenants: readonly string[], day: number): Promise<void> {
    await flood(tenants.length, 20, (index) => setTenant(first(), tenants[index] as string, { limits: { day } }));
    for (const server of servers)
      for (const tenant of tenants)
        await until(async () => (await standingOf(server, tenant, 'day')).remaining !== null, { what: 'the setting' });
  }

  /** Nothing is out any more: from then on what is left is admitted to the last unit. */
  const idle = (tenant: string) =>
    until(async () => (await standingOf(first(), tenant, 'day')).held === 0, {
      deadlineMs: IDLE_MS,
      what: 'what is held came back',
    });

  it.each([2, 4, 8])(
    '%i processes, one hot tenant, cost 1: never over the limit; exactly it once all were idle',
    async (count) => {
      const tenant = `${mode}-hot-${count}`;
      await prepared([tenant], LIMIT);
      const share = Math.ceil((1.4 * LIMIT) / count);
      const some = servers.slice(0, count);
      const answers = (await Promise.all(some.map((server) => flood(share, 25, () => consume(server, tenant))))).flat();
      const sum = admitted(answers).length;
      expect(sum + denied(answers).length).toBe(share * count);
      expect(sum).toBeLessThanOrEqual(LIMIT);
      if (mode === 'strict') expect(sum).toBe(LIMIT);
      await idle(tenant);
      const rest = await flood(LIMIT - sum + 10, 1, (index) => consume(some[index % count] as FleetServer, tenant));
      console.info(
        `${mode}, ${count} processes: ${sum} of ${LIMIT} at once, short by ${LIMIT - sum}; after idleness ${sum + admitted(rest).length}`,
      );
      expect(sum + admitted(rest).length).toBe(LIMIT);
    },
  );

  it('random costs: at each denial the cost was above what was left', async () => {
    const tenant = `${mode}-costs`;
    await prepared([tenant], 4 * LIMIT);
    const cost = costs(40);
    const asked = await Promise.all(
      servers.map((server) =>
        flood(40, 10, async () => {
          const one = cost();
          return { cost: one, answer: await consume(server, tenant, one) };
        }),
      ),
    );
    const all = asked.flat();
    const refused = all.filter(({ answer }) => answer.status === 429);
    for (const { cost: one, answer } of refused) expect(limitIn(answer, 'day')?.remaining).toBeLessThan(one);
    const sum = all.filter(({ answer }) => answer.status === 200).reduce((total, { cost: one }) => total + one, 0);
    expect(refused.length).toBeGreaterThan(all.length / 5);
    expect(sum).toBeLessThanOrEqual(4 * LIMIT);
    console.info(`${mode}, random costs: ${sum} of ${4 * LIMIT}, ${refused.length} of ${all.length} denied`);
  });

  it('many tenants at once, each never over its own limit', async () => {
    const most = 12;
    const tenants = Array.from({ length: 24 }, (_, index) => `${mode}-many-${index}`);
    await prepared(tenants, most);
    const of = (index: number) => tenants[(index * 7) % tenants.length] as string;
    const asked = await Promise.all(
      servers.map((server) =>
        flood(tenants.length * 2, 25, async (index) => ({
          tenant: of(index),
          answer: await consume(server, of(index)),
        })),
      ),
    );
    const counted = new Map<string, number>();
    for (const { tenant, answer } of asked.flat())
      if (answer.status === 200) counted.set(tenant, (counted.get(tenant) ?? 0) + 1);
    for (const tenant of tenants) expect(counted.get(tenant) ?? 0).toBeLessThanOrEqual(most);
    if (mode === 'strict') expect([...counted.values()]).toEqual(tenants.map(() => most));
  });

  it('a tenant above 20 requests a second and process: calls of Redis a request', async () => {
    const tenant = `${mode}-busy`;
    await prepared([tenant], 1_000_000);
    const two = servers.slice(0, 2);
    // The first second tells the rate.
    const second = () => Promise.all(two.map((server) => paced(RATE, 1_000, () => consume(server, tenant))));
    await second();
    const calls: number[] = [];
    const answers: Answer[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      const before = await figures.scriptCalls();
      const some = (await second()).flat();
      calls.push(((await figures.scriptCalls()) - before) / some.length);
      answers.push(...some);
    }
    console.info(
      `${mode}, ${RATE} requests a second and process: calls of Redis a request: ${calls.map((one) => one.toFixed(3)).join(', ')}`,
    );
    expect(admitted(answers).length).toBe(answers.length);
    // What is in flight when a block ends asks too: on a machine that is busy with other things more than the rule has to be.
    if (mode === 'leased') expect(Math.min(...calls)).toBeLessThanOrEqual(0.1);
  });

  it('after SIGTERM used is what was admitted, nothing is held, the ledger says the same, and every key expires', async () => {
    const tenant = `${mode}-ended`;
    await prepared([tenant], 100_000);
    const answers = (await Promise.all(servers.map((server) => flood(60, 10, () => consume(server, tenant))))).flat();
    expect(admitted(answers).length).toBe(60 * PROCESSES);
    const [survivor, ...others] = servers as [FleetServer, ...FleetServer[]];
    expect(await endServers(others)).toEqual(others.map(() => 0));
    // What the survivor holds itself comes back within its second.
    await idle(tenant);
    expect(await standingOf(survivor, tenant, 'day')).toMatchObject({ used: 60 * PROCESSES, held: 0 });
    expect(await endServers([survivor])).toEqual([0]);
    expect(await chargesOf(database, tenant)).toMatchObject({ units: 60 * PROCESSES, denied: 0, unconfirmed: 0 });
    const keys = await figures.keys();
    expect(keys.length).toBeGreaterThan(24);
    expect(await figures.keysWithoutExpiry()).toEqual([]);
  });
});

/** Calls evenly over a time, as a client with a steady rate does. */
async function paced<T>(count: number, overMs: number, send: () => Promise<T>): Promise<T[]> {
  const startedAt = performance.now();
  const answers: Promise<T>[] = [];
  while (answers.length < count) {
    const dueMs = startedAt + (answers.length * overMs) / count - performance.now();
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
    answers.push(send());
  }
  return Promise.all(answers);
}
