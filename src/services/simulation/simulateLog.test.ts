// Simulations in small, and against an oracle that counts windows by hand: which requests a plan would deny, by what, and when first.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EffectiveLimit, LimitWindow } from '../../core/quota/limit.js';
import { periodAt, UTC_CALENDAR } from '../../core/time/calendar.js';
import { memoryCounterStore } from '../../stores/memory/memoryCounterStore.js';
import type { TriedPlan } from './planTrial.js';
import { type SimulationParts, type SimulationRequest, simulateLog } from './simulateLog.js';

const START = Date.UTC(2015, 4, 17, 10, 5);
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number) => String(value).padStart(2, '0');

/** A line of `tenant` so many seconds after the start. */
function line(tenant: string, seconds: number): string {
  const at = new Date(START + seconds * 1000);
  const date = `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()]}/${at.getUTCFullYear()}`;
  const time = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(two).join(':');
  return `${tenant} - - [${date}:${time} +0000] "GET / HTTP/1.1" 200 5`;
}

const lines = (tenant: string, ...seconds: number[]): string[] => seconds.map((second) => line(tenant, second));

const limit = (
  name: string,
  most: EffectiveLimit['limit'],
  window: LimitWindow,
  enforce: EffectiveLimit['enforce'] = 'hard',
): EffectiveLimit => ({ name, limit: most, window, enforce, source: 'plan' });

const plan = (name: string, ...limits: EffectiveLimit[]): TriedPlan => ({ name, limits });

/** The counters hold `room` tenants. */
const partsOf = (room = 1000): SimulationParts<readonly string[]> => ({
  readLines: async (log, { visit, onProgress }) => {
    for (const [index, text] of log.entries()) {
      const bytes = Buffer.from(text);
      visit(bytes, 0, bytes.length, index + 1);
    }
    onProgress(1, 1);
    return false;
  },
  counters: (clock) => memoryCounterStore(clock, { maxTenants: room, maxLiveTenants: room }),
});

async function simulated(
  log: readonly string[],
  plans: readonly TriedPlan[],
  request: Partial<SimulationRequest<readonly string[]>> = {},
  parts = partsOf(),
) {
  const asked = { log, tenantBy: { field: 'host' } as const, plans, calendar: UTC_CALENDAR };
  const { byTenant, ...report } = await simulateLog(parts, { ...asked, ...request });
  return { ...report, byTenant: [...byTenant()] };
}

const at = (seconds: number): number => START + seconds * 1000;
const met = (name: string, requests: number, seconds: number, enforce = 'hard') => ({
  ...{ name, enforce, requests, firstMs: at(seconds) },
});

describe('a plan', () => {
  it('denies what is above its limit in a window, and says by which limit and when first', async () => {
    const log = [...lines('a', 0, 1, 2, 3, 59, 60, 61), ...lines('b', 62)];
    const report = await simulated(log, [plan('free', limit('minute', 2, 'minute'), limit('day', 3, 'day'))]);
    expect(report).toMatchObject({
      lines: 8,
      requests: 8,
      tenants: 2,
      tenantsAffected: 1,
      fromMs: at(0),
      toMs: at(62),
    });
    const found = { denied: 4, firstDeniedMs: at(2), limits: [met('minute', 3, 2), met('day', 1, 61)] };
    expect(report.plans).toMatchObject([{ name: 'free', tenantsDenied: 1, undecided: 0, ...found }]);
    expect(report.byTenant).toMatchObject([
      { tenantId: 'a', requests: 7, plans: [found] },
      { tenantId: 'b', requests: 1, plans: [{ denied: 0, firstDeniedMs: undefined, limits: [] }] },
    ]);
  });

  it('charges a denied request to no window: the day is not used up by what the minute denies', async () => {
    const log = lines('a', 0, 1, 2, 3, 60, 120);
    const report = await simulated(log, [plan('p', limit('minute', 1, 'minute'), limit('day', 3, 'day'))]);
    expect(report.plans[0]).toMatchObject({ denied: 3, limits: [met('minute', 3, 1)] });
  });

  it('counts apart what soft and shadow limits let pass', async () => {
    const soft = limit('soft', 1, 'day', 'soft');
    const shadow = limit('shadow', 2, 'day', 'shadow');
    const report = await simulated(lines('a', 0, 1, 2, 3, 4), [plan('p', limit('day', 4, 'day'), soft, shadow)]);
    const limits = [met('day', 1, 4), met('soft', 3, 1, 'soft'), met('shadow', 2, 2, 'shadow')];
    expect(report.plans[0]).toMatchObject({ denied: 1, overage: 3, wouldBeDenied: 2, limits });
  });

  it('may have a sliding window: never more than the limit in any of its spans', async () => {
    const sliding = plan('p', limit('burst', 2, { seconds: 10 }));
    const report = await simulated(lines('a', 8, 9, 10, 11, 17, 20, 21), [sliding]);
    expect(report.plans[0]).toMatchObject({ denied: 3, limits: [met('burst', 3, 10)] });
  });

  it('of limits that nobody can reach denies nobody, and one of 0 everybody', async () => {
    const open = plan('open', limit('day', 'unlimited', 'day'));
    const shut = plan('shut', limit('day', 0, 'day'));
    const report = await simulated(lines('a', 0, 1), [open, shut]);
    expect(report.plans).toMatchObject([{ denied: 0 }, { denied: 2, firstDeniedMs: at(0) }]);
  });

  it('counts days in the zone that was asked for', async () => {
    // 23:59:58 and 00:00:02 in Berlin, one day in UTC.
    const midnight = 11 * 3600 + 55 * 60;
    const log = lines('a', midnight - 2, midnight + 2);
    const daily = [plan('p', limit('day', 1, 'day'))];
    const zone = { calendar: { ...UTC_CALENDAR, timeZone: 'Europe/Berlin' } };
    expect((await simulated(log, daily, zone)).plans[0]?.denied).toBe(0);
    expect((await simulated(log, daily)).plans[0]?.denied).toBe(1);
  });
});

describe('a log', () => {
  const daily = [plan('p', limit('day', 1, 'day'))];

  it('has broken lines and lines without a tenant: counted, named, never decided', async () => {
    const report = await simulated(['garbage', ...lines('-', 0), ...lines('a', 1)], daily);
    expect(report).toMatchObject({ lines: 3, requests: 1, withoutTenant: 1, broken: 1 });
    expect(report.brokenLines).toEqual([{ line: 1, reason: 'no host, ident and user' }]);
  });

  it('may be empty', async () => {
    const report = await simulated([], daily);
    expect(report).toMatchObject({ lines: 0, tenants: 0, fromMs: undefined, toMs: undefined, byTenant: [] });
  });

  it('may hold tenants of any name', async () => {
    const report = await simulated(lines('__proto__', 0, 1), daily);
    expect(report.byTenant).toMatchObject([{ tenantId: '__proto__', plans: [{ denied: 1 }] }]);
  });

  it('that is far out of order is decided all the same, and what came too late is counted', async () => {
    const report = await simulated([...lines('a', 0, 7200, 14_400), ...lines('b', 5, 6)], daily);
    expect(report).toMatchObject({ late: 2, requests: 5, plans: [{ denied: 3 }] });
  });

  it('of more tenants than there is room for says which plan left how many undecided', async () => {
    const log = ['a', 'b', 'c'].flatMap((tenant) => lines(tenant, 0, 1));
    const loose = plan('loose', limit('day', 1, 'day'));
    const report = await simulated(log, [loose], {}, partsOf(2));
    expect(report.plans).toMatchObject([{ denied: 2, undecided: 2 }]);
  });

  it('names the worst tenants first: denied, let pass, busy, then by name', async () => {
    const log = [
      ...lines('busy', 0, 1, 2),
      ...lines('soft', 0, 1),
      ...lines('worst', 0, 1, 2, 3),
      ...lines('c', 0),
      ...lines('b', 0),
    ];
    const hard = plan('hard', limit('day', 3, 'day'));
    const soft = plan('soft', limit('minute', 2, 'minute', 'soft'));
    const report = await simulated(log, [hard, soft]);
    expect(report.byTenant.map(({ tenantId }) => tenantId)).toEqual(['worst', 'busy', 'soft', 'b', 'c']);
  });

  it('tells of progress', async () => {
    const heard: unknown[] = [];
    await simulated(lines('a', 0, 1), daily, { onProgress: (progress) => heard.push(progress) });
    expect(heard).toEqual([{ lines: 2, bytesRead: 1, size: 1 }]);
  });
});

/** Requests that `limits` deny, counted by hand: windows by the calendar, each request all or nothing. */
function deniedByHand(requests: readonly { tenant: string; seconds: number }[], limits: readonly EffectiveLimit[]) {
  const used = new Map<string, number>();
  const denied = new Map<string, number>();
  for (const { tenant, seconds } of requests.toSorted((a, b) => a.seconds - b.seconds)) {
    const keys = limits.map(({ name, window }) => `${tenant} ${name} ${windowStart(window, at(seconds))}`);
    const isDenied = limits.some(({ limit: most }, index) => (used.get(keys[index] ?? '') ?? 0) >= Number(most));
    if (isDenied) denied.set(tenant, (denied.get(tenant) ?? 0) + 1);
    else for (const key of keys) used.set(key, (used.get(key) ?? 0) + 1);
  }
  return denied;
}

function windowStart(window: LimitWindow, instantMs: number): number {
  if (window === 'minute') return Math.floor(instantMs / 60_000);
  if (window === 'hour') return Math.floor(instantMs / 3_600_000);
  if (typeof window === 'object') throw new Error('fixed windows only');
  return periodAt(window, instantMs, UTC_CALENDAR).start;
}

it('any log, nearly sorted, is decided as by hand under both plans, and the same way each time', async () => {
  const requests = fc.array(
    fc.record({ tenant: fc.constantFrom('a', 'b', 'c'), step: fc.nat(40), behind: fc.nat(250) }),
    { minLength: 1, maxLength: 150 },
  );
  const limits = fc.record({ minute: fc.nat(5), hour: fc.nat(20), day: fc.nat(40), month: fc.nat(60) });
  await fc.assert(
    fc.asyncProperty(requests, limits, limits, async (made, one, other) => {
      let now = 1000;
      const log = made.map(({ tenant, step, behind }) => {
        now += step * step;
        return { tenant, seconds: now - behind };
      });
      const plans = [one, other].map((most, index) =>
        plan(
          `p${index}`,
          ...(['minute', 'hour', 'day', 'month'] as const).map((window) => limit(window, most[window], window)),
        ),
      );
      const text = log.map(({ tenant, seconds }) => line(tenant, seconds));
      const report = await simulated(text, plans);
      for (const [index, { limits }] of plans.entries()) {
        const byHand = deniedByHand(log, limits);
        const denied = report.byTenant.map(({ tenantId, plans: found }) => [tenantId, found[index]?.denied]);
        expect(Object.fromEntries(denied)).toEqual(
          Object.fromEntries(report.byTenant.map(({ tenantId }) => [tenantId, byHand.get(tenantId) ?? 0])),
        );
      }
      expect(await simulated(text, plans)).toEqual(report);
    }),
    { numRuns: 100 },
  );
});
