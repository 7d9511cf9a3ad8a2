// Limits that only code can set, over apps of users' as processes of their own on one Redis and one ledger: sliding windows, soft and
// shadow limits, thresholds told once for all of them, shadow mode, unknown tenants.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { until } from '../servers/until.js';
import { type AppProcess, startApp, work } from './appFleet.js';
import { chargesOf, rowsOf } from './ledgerRows.js';
import { type RedisFigures, redisFigures } from './redisFigures.js';
import { type Answer, call, endServers, flood } from './serverFleet.js';

const APPS = 4;
const SECONDS = 2;
const BURST = 30;
const month = { name: 'month', window: 'month' };
const plans = {
  sliding: [{ name: 'burst', window: { seconds: SECONDS }, limit: BURST }],
  soft: [{ ...month, limit: 10, enforce: 'soft' }],
  shadow: [{ ...month, limit: 10, enforce: 'shadow' }],
  told: [{ ...month, limit: 100 }],
};

let database: TestDatabase;
let redis: RedisServer;
let figures: RedisFigures;

beforeAll(async () => {
  [database, redis] = await Promise.all([createMigratedDatabase(), startRedis()]);
  figures = await redisFigures(redis.url);
});

afterAll(async () => {
  figures?.close();
  await redis?.stop();
  await database?.drop();
});

const env = () => ({ DATABASE_URL: database.url, REDIS_URL: redis.url });
const passed = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 200);

describe('four apps with plans in code', () => {
  const apps: AppProcess[] = [];

  beforeAll(async () => {
    for (let index = 0; index < APPS; index += 1) apps.push(await startApp(env(), { plans }));
  }, 300_000);

  afterAll(async () => {
    await Promise.all(apps.map((app) => app.process.end()));
  });

  const all = (tenant: string, each: number, cost = 1) =>
    Promise.all(apps.map((app) => flood(each, 10, () => work(app, tenant, cost)))).then((some) => some.flat());

  it('a sliding window never holds more than its limit in any of its spans, and says when a cost fits again', async () => {
    const admittedAt: number[] = [];
    const refused: Answer[] = [];
    const endsAt = performance.now() + 40_000;
    // Two and a half windows' worth: what left made room.
    const enough = () => admittedAt.length >= 2.5 * BURST && refused.length > 0;
    await Promise.all(
      apps.map(async (app) => {
        while (!enough() && performance.now() < endsAt) {
          for (const answer of await flood(10, 5, () => work(app, 'sliding-1'))) {
            const label = answer.body.label as { decidedAtMs: number } | undefined;
            if (answer.status === 200 && label !== undefined) admittedAt.push(label.decidedAtMs);
            else refused.push(answer);
          }
        }
      }),
    );
    expect(enough()).toBe(true);
    admittedAt.sort((a, b) => a - b);
    const within = admittedAt.map((at, index) =>
      admittedAt.slice(index).filter((other) => other < at + SECONDS * 1_000),
    );
    const most = Math.max(...within.map((some) => some.length));
    console.info(`sliding: ${admittedAt.length} admitted, at most ${most} of ${BURST} in any ${SECONDS} s`);
    expect(most).toBeLessThanOrEqual(BURST);
    for (const { status, headers } of refused) {
      expect(status).toBe(429);
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(Number(headers['retry-after'])).toBeLessThanOrEqual(SECONDS + 1);
    }
  });

  it('a soft limit refuses nobody, and what went above it is booked as overage', async () => {
    expect(passed(await all('soft-1', 5)).length).toBe(5 * APPS);
    for (const app of apps) await call('GET', `${app.url}/flush`);
    expect(await chargesOf(database, 'soft-1')).toMatchObject({ units: 5 * APPS, denied: 0, overage: 5 * APPS - 10 });
  });

  it('a shadow limit refuses nobody, and tells whom it would have refused', async () => {
    expect(passed(await all('shadow-1', 5)).length).toBe(5 * APPS);
    const told = () => apps.flatMap((app) => app.events('denied')).filter((event) => event.tenantId === 'shadow-1');
    await until(() => told().length >= 5 * APPS - 10, { what: 'what a shadow limit would have denied' });
    expect(told().length).toBe(5 * APPS - 10);
    expect(told().every((event) => event.enforced === false)).toBe(true);
    for (const app of apps) await call('GET', `${app.url}/flush`);
    expect(await chargesOf(database, 'shadow-1')).toMatchObject({ units: 5 * APPS, denied: 0, overage: 0 });
  });

  it('80 and 100 percent are told once for all of them', async () => {
    expect(passed(await all('told-1', 40)).length).toBe(100);
    const told = () => apps.flatMap((app) => app.events('threshold')).filter((event) => event.tenantId === 'told-1');
    await until(() => told().length >= 2, { what: 'both thresholds' });
    // Refused ones and costs after it tell nothing more.
    await all('told-1', 5);
    expect(
      told()
        .map(({ name, level }) => `${name} ${level}`)
        .sort(),
    ).toEqual(['month 100', 'month 80']);
  });

  it('every app ends by SIGTERM with everything in the ledger, and no key stays for ever', async () => {
    expect(await endServers(apps)).toEqual(apps.map(() => 0));
    expect(await chargesOf(database, 'told-1')).toMatchObject({ units: 100, denied: 80, unconfirmed: 0 });
    expect(await figures.keysWithoutExpiry()).toEqual([]);
  });
});

describe('QUOTA_ENFORCE=false', () => {
  it('lets pass what it would refuse, and tells of it', async () => {
    const app = await startApp({ ...env(), QUOTA_ENFORCE: 'false' }, { plans });
    try {
      const answers = await flood(120, 10, () => work(app, 'told-unenforced'));
      expect(passed(answers).length).toBe(120);
      await until(() => app.events('denied').length === 20, { what: 'twenty that would have been refused' });
      expect(await endServers([app])).toEqual([0]);
      expect(await chargesOf(database, 'told-unenforced')).toMatchObject({ units: 120, denied: 0 });
    } finally {
      await app.process.end();
    }
  });
});

describe('UNKNOWN_TENANTS=deny', () => {
  it('refuses a tenant without a setting with 403, and creates nothing anywhere', async () => {
    const app = await startApp({ ...env(), UNKNOWN_TENANTS: 'deny' }, { plans });
    try {
      const keys = await figures.keys();
      const answers = await flood(20, 5, (index) => work(app, `stranger-${index % 4}`));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([403]));
      expect(passed([await work(app, 'soft-1')]).length).toBe(1);
      expect(await endServers([app])).toEqual([0]);
      expect((await figures.keys()).filter((key) => !keys.includes(key))).toEqual([]);
      for (const table of ['tenant', 'quota_charge', 'tenant_usage', 'tenant_active_user'])
        expect(
          await rowsOf(database, `select tenant_id from tallygate.${table} where tenant_id like 'stranger-%'`),
        ).toEqual([]);
    } finally {
      await app.process.end();
    }
  });
});
