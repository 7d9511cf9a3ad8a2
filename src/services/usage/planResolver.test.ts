// What the app's own plan does to a tenant's quota: how often it is asked, who waits for it, what holds while it fails.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DEFAULT_PLANS } from '../../core/quota/plans.js';
import type { SettingPatch } from '../../core/quota/setting.js';
import type { TenantDirectory, TenantSetting } from '../../ports/tenantDirectory.js';
import { type PlanFailure, PlanResolver, type ResolvePlan } from './planResolver.js';
import { QuotaService } from './quotaService.js';
import type { TenantQuota } from './tenantQuota.js';

/** The rows of one process. */
class Rows implements Pick<TenantDirectory, 'loadAll' | 'change'> {
  readonly settings = new Map<string, TenantSetting>();
  #version = 0;

  loadAll = async () => ({ version: this.#version, settings: [] });

  change: TenantDirectory['change'] = async (tenantId, change) => {
    this.#version += 1;
    const content = change(this.settings.get(tenantId), Date.now());
    const setting = { ...content, tenantId, resetNumber: 0, version: this.#version };
    this.settings.set(tenantId, setting);
    return setting;
  };
}

let service: QuotaService;
let resolver: PlanResolver;
let calls: string[];
let failures: PlanFailure[];
/** What the app does; by default it names pro for everybody, a moment later. */
let resolvePlan: ResolvePlan;

beforeEach(async () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 24) });
  const rows = new Rows();
  const never = () => Promise.reject(new Error('not asked here'));
  const clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
  service = new QuotaService({
    directory: {
      readVersion: async () => 0,
      loadSince: never,
      reset: never,
      loadAll: rows.loadAll,
      change: rows.change,
    },
    plans: DEFAULT_PLANS,
    defaultPlan: 'free',
    enforced: true,
    hasUsage: async () => false,
    resolvedPlanOf: (tenantId) => resolver.planOf(tenantId),
    clock,
  });
  [calls, failures] = [[], []];
  resolvePlan = async () => 'pro';
  resolver = new PlanResolver({
    resolvePlan: (tenantId) => {
      calls.push(tenantId);
      return resolvePlan(tenantId);
    },
    settings: service,
    plans: DEFAULT_PLANS,
    clock,
    onFailure: (failure) => failures.push(failure),
  });
  await service.refresh();
});

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** The quota where nobody has to wait for it. */
function now(tenantId = 'acme'): TenantQuota {
  const quota = resolver.quotaOf(tenantId);
  if (quota instanceof Promise) return expect.fail('somebody waits');
  return quota;
}

/** Waits for what is said to take that long. */
async function later(tenantId: string, ms: number): Promise<TenantQuota> {
  const quota = resolver.quotaOf(tenantId);
  expect(quota).toBeInstanceOf(Promise);
  let settled = false;
  void (quota as Promise<TenantQuota>).then(() => {
    settled = true;
  });
  if (ms > 0) {
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(settled).toBe(false);
  }
  await vi.advanceTimersByTimeAsync(ms > 0 ? 1 : 0);
  expect(settled).toBe(true);
  return quota;
}

const answerAfter =
  (ms: number, plan: string | undefined): ResolvePlan =>
  () =>
    new Promise((resolve) => setTimeout(() => resolve(plan), ms));

test('before the settings are loaded nothing is assumed, and the app is not asked', () => {
  const unloaded = Object.create(service) as QuotaService;
  unloaded.quotaOf = () => {
    throw new Error('not loaded');
  };
  const early = new PlanResolver({
    resolvePlan: () => expect.fail('asked'),
    settings: unloaded,
    plans: DEFAULT_PLANS,
    clock: { monotonicMs: () => 0 },
    onFailure: () => undefined,
  });
  expect(() => early.quotaOf('acme')).toThrow('not loaded');
});

describe('the plan that the app names', () => {
  test('wins over the stored one, an override over it, and it counts as the tenant’s own', async () => {
    const patch: SettingPatch = { plan: 'enterprise', limits: { day: 7 } };
    await service.merge('acme', patch);
    expect(await later('acme', 0)).toMatchObject({
      plan: 'pro',
      planSource: 'plan',
      hasSetting: true,
      known: true,
      version: 1,
      limits: [
        { name: 'minute', limit: 300, source: 'plan' },
        { name: 'day', limit: 7, source: 'override' },
      ],
    });
    expect(await later('nobody', 0)).toMatchObject({ plan: 'pro', planSource: 'plan', hasSetting: false, known: true });
  });

  test('none: the stored plan holds, and a tenant without one is not known', async () => {
    resolvePlan = async () => undefined;
    await service.merge('acme', { plan: 'enterprise' });
    expect(await later('acme', 0)).toBe(service.quotaOf('acme'));
    expect(await later('nobody', 0)).toMatchObject({ plan: 'free', planSource: 'default', known: false });
    expect(failures).toEqual([]);
  });

  test('is one object as long as neither it nor the setting changes, and one for all tenants without a setting', async () => {
    const first = await later('acme', 0);
    expect(now()).toBe(first);
    expect(await later('other', 0)).toBe(first);
    await service.merge('acme', { limits: { day: 7 } });
    const changed = now();
    expect(changed).not.toBe(first);
    expect([changed.plan, changed.limits[1]?.limit, now()]).toEqual(['pro', 7, changed]);
  });

  test('ends an override at its end like the stored plan', async () => {
    await service.merge('acme', { limits: { day: { limit: 7, until: '2026-11-24T00:00:00.300Z' } } });
    const timed = await later('acme', 0);
    expect(timed.limits[1]?.limit).toBe(7);
    await vi.advanceTimersByTimeAsync(299);
    expect(now()).toBe(timed);
    await vi.advanceTimersByTimeAsync(1);
    expect(now().limits[1]?.limit).toBe(50_000);
  });

  test('decides which limits an override may name', async () => {
    await later('acme', 0);
    expect(resolver.planOf('acme')).toBe('pro');
    await expect(service.merge('acme', { plan: 'gold' })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('the app is asked', () => {
  test('once for many requests at once, and not again for 500 ms', async () => {
    const together = Array.from({ length: 100 }, () => resolver.quotaOf('acme'));
    await vi.advanceTimersByTimeAsync(0);
    expect(new Set(await Promise.all(together)).size).toBe(1);
    await vi.advanceTimersByTimeAsync(499);
    now();
    expect(calls).toEqual(['acme']);
    await vi.advanceTimersByTimeAsync(1);
    now();
    now();
    expect(calls).toEqual(['acme', 'acme']);
  });

  test('by a function that answers at once without any waiting', () => {
    resolvePlan = () => 'enterprise';
    expect(now().plan).toBe('enterprise');
    resolvePlan = () => 'pro';
    vi.advanceTimersByTime(499);
    expect(now().plan).toBe('enterprise');
    vi.advanceTimersByTime(1);
    expect(now().plan).toBe('pro');
  });

  test('in time that a busy tenant never waits, and has a new plan within 750 ms', async () => {
    resolvePlan = answerAfter(200, 'pro');
    await later('acme', 200);
    resolvePlan = answerAfter(200, 'enterprise');
    const seen: string[] = [];
    for (let ms = 200; ms < 750; ms += 50) {
      seen.push(now().plan);
      await vi.advanceTimersByTimeAsync(50);
    }
    expect(seen.at(-1)).toBe('enterprise');
    expect(calls).toHaveLength(2);
  });

  test('and waited for after a pause: what is older than 750 ms no longer serves', async () => {
    await later('acme', 0);
    resolvePlan = answerAfter(100, 'enterprise');
    await vi.advanceTimersByTimeAsync(750);
    expect((await later('acme', 100)).plan).toBe('enterprise');
  });
});

describe('an app that fails', () => {
  test('late: requests wait 250 ms once, then the stored plan holds; what comes later counts from then on', async () => {
    await service.merge('acme', { plan: 'enterprise' });
    resolvePlan = answerAfter(400, 'pro');
    expect((await later('acme', 250)).plan).toBe('enterprise');
    expect(now().plan).toBe('enterprise');
    expect(failures).toEqual([{ kind: 'late', tenantId: 'acme' }]);
    await vi.advanceTimersByTimeAsync(150);
    expect(now().plan).toBe('pro');
    expect(calls).toHaveLength(1);
  });

  test('never answering: one call in flight, given up after 5 s, and the plan named last holds', async () => {
    await later('acme', 0);
    resolvePlan = () => new Promise(() => undefined);
    await vi.advanceTimersByTimeAsync(750);
    expect((await later('acme', 250)).plan).toBe('pro');
    for (let seconds = 0; seconds < 4; seconds += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      expect(now().plan).toBe('pro');
    }
    expect(calls).toHaveLength(2);
    resolvePlan = async () => 'enterprise';
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await later('acme', 0)).plan).toBe('enterprise');
  });

  test('a given-up call that answers after the next one does not bring its old answer back', async () => {
    resolvePlan = answerAfter(5_100, 'free');
    await later('acme', 250);
    resolvePlan = async () => 'enterprise';
    await vi.advanceTimersByTimeAsync(4_750);
    await later('acme', 0);
    await vi.advanceTimersByTimeAsync(200);
    expect([now().plan, calls.length]).toEqual(['enterprise', 2]);
  });

  test.each<[string, ResolvePlan]>([
    ['rejects', () => Promise.reject(new Error('away'))],
    ['rejects a little later', () => new Promise((_, reject) => setTimeout(() => reject(new Error('away')), 20))],
    [
      'throws',
      () => {
        throw new Error('away');
      },
    ],
    ['names an unknown plan', () => 'gold'],
    ['names an unknown plan later', async () => 'gold'],
    ['names a plan of Object.prototype', () => 'constructor'],
  ])(
    '%s: the stored plan holds, then the one named last; it is told, and asked again after 500 ms',
    async (_, failing) => {
      const settled = async () => {
        const quota = resolver.quotaOf('acme');
        await vi.advanceTimersByTimeAsync(20);
        return (await quota).plan;
      };
      await service.merge('acme', { plan: 'enterprise' });
      resolvePlan = failing;
      expect(await settled()).toBe('enterprise');
      expect(now().plan).toBe('enterprise');
      expect(failures).toEqual([
        { kind: expect.stringMatching(/threw|unknown_plan/), tenantId: 'acme', cause: expect.anything() },
      ]);
      await vi.advanceTimersByTimeAsync(1_000);
      resolvePlan = async () => 'pro';
      expect(await settled()).toBe('pro');
      resolvePlan = failing;
      await vi.advanceTimersByTimeAsync(1_000);
      expect(await settled()).toBe('pro');
      expect([failures.length, calls.length]).toEqual([2, 3]);
    },
  );
});

describe('what is kept', () => {
  test('is bounded: the tenant asked for longest ago is forgotten, and asked for anew', async () => {
    resolvePlan = () => 'pro';
    for (let tenant = 0; tenant < 10_000; tenant += 1) now(`t-${tenant}`);
    vi.advanceTimersByTime(500);
    now('t-0');
    now('one-more');
    const kept = ['t-0', 't-1', 't-2', 'one-more'].map((tenantId) => resolver.planOf(tenantId));
    expect(kept).toEqual(['pro', undefined, 'pro', 'pro']);
    now('t-1');
    expect(calls).toHaveLength(10_003);
  });

  test('is bounded also where all are being asked for: then the stored plan holds, and that is told', async () => {
    const waiting = Array.from({ length: 10_000 }, (_, tenant) => resolver.quotaOf(`t-${tenant}`));
    expect(now('one-more').plan).toBe('free');
    expect([failures, calls.length]).toEqual([[{ kind: 'full', tenantId: 'one-more' }], 10_000]);
    await vi.advanceTimersByTimeAsync(250);
    await Promise.all(waiting);
    expect((await later('one-more', 0)).plan).toBe('pro');
  });
});
