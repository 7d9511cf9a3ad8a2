// What an operator changes acts on decisions of every process within a second, strict ones and such as hold leases, on PostgreSQL
// behind PgBouncer: a plan, a lowered limit, a reset; and an upgrade in one process clears the denial that another remembers.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type PgBouncer, startPgBouncer } from '../servers/pgBouncer.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { until } from '../servers/until.js';
import {
  type Answer,
  call,
  consume,
  endServers,
  type FleetServer,
  flood,
  limitIn,
  setTenant,
  standingOf,
  startServer,
} from './serverFleet.js';

const MODES = ['strict', 'strict', 'leased', 'leased'] as const;
const WITHIN_MS = 1_000;

let database: TestDatabase;
let bouncer: PgBouncer;
let redis: RedisServer;
const servers: FleetServer[] = [];

beforeAll(async () => {
  [database, redis] = await Promise.all([createMigratedDatabase(), startRedis()]);
  bouncer = await startPgBouncer(database.url);
  await flood(MODES.length, 2, async (index) => {
    servers[index] = await startServer({
      DATABASE_URL: bouncer.through(database.url),
      REDIS_URL: redis.url,
      QUOTA_MODE: MODES[index] as string,
      QUOTA_STORE_TIMEOUT_MS: '10000',
      QUOTA_FREE_PER_MINUTE: 'unlimited',
      QUOTA_FREE_PER_DAY: '2000',
      QUOTA_PRO_PER_MINUTE: 'unlimited',
      QUOTA_PRO_PER_DAY: '9000',
    });
  });
}, 330_000);

afterAll(async () => {
  await Promise.all(servers.map((server) => server?.process.end()));
  await redis?.stop();
  await bouncer?.stop();
  await database?.drop();
});

const [maker] = [() => servers[0] as FleetServer];
const quotas = (tenant: string) => `${maker().url}/api/admin/quotas/${tenant}`;

interface Change {
  readonly tenant: string;
  /** Made from the second time on, and in force before `make`. */
  readonly undo: () => Promise<unknown>;
  readonly make: () => Promise<unknown>;
  /** Whether an answer shows that it acts. */
  readonly acts: (answer: Answer) => boolean;
}

/** Makes a change under load in every process. @returns how long the slowest of them took to act by it */
async function onceActing({ tenant, make, acts }: Change): Promise<number> {
  let stop = false;
  // Steady requests before and after, so that blocks are held when the change comes.
  const load = Promise.all(
    servers.map(async (server) => {
      while (!stop) await Promise.all([consume(server, tenant), new Promise((resolve) => setTimeout(resolve, 20))]);
    }),
  );
  load.catch(() => undefined); // told below
  await make();
  const changedAt = performance.now();
  const took = await Promise.all(
    servers.map(async (server) => {
      await until(async () => acts(await consume(server, tenant)), { deadlineMs: 8_000, what: `${tenant}: it acts` });
      return performance.now() - changedAt;
    }),
  ).finally(() => {
    stop = true;
  });
  await load;
  return Math.max(...took);
}

/** A machine that is busy with other things may need a second attempt; a process that polls too seldom fails in all of them. */
async function actsWithinASecond(change: Change): Promise<void> {
  const times: number[] = [];
  while (times.length < 3 && !times.some((ms) => ms < WITHIN_MS)) {
    if (times.length > 0) await change.undo();
    times.push(await onceActing(change));
  }
  const shown = times.map((ms) => `${ms.toFixed(0)} ms`).join(', ');
  console.info(`${change.tenant}: acts in four processes behind PgBouncer within ${shown}`);
  expect(Math.min(...times)).toBeLessThan(WITHIN_MS);
}

const limitOf = (answer: Answer) => Number(answer.headers['x-ratelimit-limit-day']);
const dayOf = (tenant: string, day: number) => () => call('PATCH', quotas(tenant), { limits: { day } });
/** What holds in every process. */
const holds = async (tenant: string, remaining: number) => {
  for (const server of servers)
    await until(async () => Number((await standingOf(server, tenant, 'day')).remaining) >= remaining, {
      what: 'the setting',
    });
};

it('a plan acts in every process within a second', async () => {
  await setTenant(maker(), 'plan', {});
  await holds('plan', 2_000);
  await actsWithinASecond({
    tenant: 'plan',
    undo: () => call('PATCH', quotas('plan'), { plan: 'free' }),
    make: () => call('PATCH', quotas('plan'), { plan: 'pro' }),
    acts: (answer) => limitOf(answer) === 9_000,
  });
});

it('a lowered limit binds in every process within a second: then nothing is admitted, and nothing shown is negative', async () => {
  await dayOf('lowered', 100_000)();
  await holds('lowered', 90_000);
  const wrong: Answer[] = [];
  await actsWithinASecond({
    tenant: 'lowered',
    undo: async () => {
      await dayOf('lowered', 100_000)();
      await holds('lowered', 90_000);
    },
    make: dayOf('lowered', 5),
    acts: (answer) => {
      if (Number(answer.headers['x-ratelimit-remaining-day']) < 0) wrong.push(answer);
      return answer.status === 429;
    },
  });
  expect(wrong).toEqual([]);
  const later = await Promise.all(servers.map((server) => flood(20, 5, () => consume(server, 'lowered'))));
  expect(later.flat().filter(({ status }) => status !== 429)).toEqual([]);
});

it('a reset acts in every process within a second: what was used before counts no more, in leases neither', async () => {
  const spend = () => flood(400, 20, (index) => consume(servers[index % servers.length] as FleetServer, 'reset', 90));
  await dayOf('reset', 40_000)();
  await holds('reset', 40_000);
  await spend();
  await actsWithinASecond({
    tenant: 'reset',
    undo: spend,
    make: () => call('POST', `${quotas('reset')}/reset`, { reason: 'a test' }),
    acts: (answer) => (limitIn(answer, 'day')?.remaining ?? 0) > 20_000,
  });
});

it('an upgrade in one process clears the denial in another within a second', async () => {
  await dayOf('denied', 20)();
  for (const server of servers)
    await until(async () => (await consume(server, 'denied')).status === 429, { what: 'a denial' });
  await actsWithinASecond({
    tenant: 'denied',
    undo: async () => {
      await dayOf('denied', 20)();
      for (const server of servers)
        await until(async () => (await consume(server, 'denied')).status === 429, { what: 'a denial' });
    },
    make: dayOf('denied', 100_000),
    acts: (answer) => answer.status === 200,
  });
});

it('and when all have ended nothing is held', async () => {
  const [first, ...others] = servers as [FleetServer, ...FleetServer[]];
  const codes = await endServers(others);
  expect(codes, others.map(({ process }) => process.stderr().slice(-2_000)).join('\n')).toEqual([0, 0, 0]);
  for (const tenant of ['plan', 'lowered', 'reset', 'denied'])
    await until(async () => (await standingOf(first, tenant, 'day')).held === 0, { what: 'nothing is held' });
  expect(await endServers([first])).toEqual([0]);
});
