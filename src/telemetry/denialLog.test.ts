import { describe, expect, it } from 'vitest';
import { decision, denied, fullLimit, limitState } from '../../test/quota/decisions.js';
import type { Decision } from '../core/quota/decision.js';
import { createDenialLog } from './denialLog.js';

function logOf(decisions: readonly Decision[], most?: number) {
  const { observer, read } = createDenialLog(most);
  for (const made of decisions) observer.decisionMade(made);
  return (tenantId?: string) => read({ tenantId, most: 1_000 });
}

const at = (decidedAtMs: number) => ({ label: { decidedAtMs, usageDate: '2026-11-24', resetNumber: 7 } });

describe('the log of denials', () => {
  it('says what refused: limit, used, window, label, settings', () => {
    const limits = [limitState({ name: 'hour' }), fullLimit({ startMs: 5, resetAtMs: 60_005 })];
    const read = logOf([denied({ limits, cost: 3, settingsVersion: 42, ...at(9) })]);
    expect(read()).toEqual([
      {
        firstAtMs: 9,
        lastAtMs: 9,
        times: 1,
        tenantId: 'acme',
        cost: 3,
        outcome: 'denied',
        enforced: true,
        limits: [{ name: 'minute', limit: 60, used: 60, startMs: 5, resetAtMs: 60_005 }],
        label: { usageDate: '2026-11-24', resetNumber: 7 },
        settingsVersion: 42,
      },
    ]);
  });

  it('keeps what a shadow limit would have refused, as not enforced, and not what a soft limit let pass', () => {
    const full = (enforce: 'shadow' | 'soft') => decision({ limits: [fullLimit({ enforce, name: enforce })] });
    const read = logOf([decision(), full('shadow'), full('soft')]);
    expect(read().map(({ enforced, outcome, limits }) => [enforced, outcome, limits[0]?.name])).toEqual([
      [false, 'admitted', 'shadow'],
    ]);
  });

  it('names of a denied request the limits that refused it alone', () => {
    const limits = [
      fullLimit(),
      fullLimit({ name: 'day', enforce: 'shadow' }),
      fullLimit({ name: 'week', enforce: 'soft' }),
    ];
    expect(logOf([denied({ limits })])()[0]?.limits.map(({ name }) => name)).toEqual(['minute']);
  });

  it('keeps costs that can never pass, and outages, but no tenant that nobody knows', () => {
    const exceeded = [{ name: 'day', limit: 5, window: 'day', enforce: 'hard', source: 'plan' } as const];
    const read = logOf([
      decision({ outcome: 'cost_exceeds_limit', allowed: false, limits: [], exceeded, cost: 6 }),
      decision({ outcome: 'unavailable', allowed: false, limits: [] }),
      decision({ outcome: 'unconfirmed', limits: [] }),
      decision({ outcome: 'unknown_tenant', allowed: false, limits: [], tenantId: 'made-up' }),
    ]);
    expect(read().map(({ outcome, limits }) => [outcome, limits.map(({ name, limit }) => [name, limit])])).toEqual([
      ['unavailable', []],
      ['cost_exceeds_limit', [['day', 5]]],
    ]);
  });

  it('counts repetitions as one entry, which is the newest again, so that one busy tenant pushes out nobody', () => {
    const busy = Array.from({ length: 5_000 }, (_, index) => denied({ tenantId: 'busy', ...at(index) }));
    const read = logOf([denied({ tenantId: 'quiet', ...at(0) }), ...busy]);
    expect(read().map(({ tenantId, times, firstAtMs, lastAtMs }) => [tenantId, times, firstAtMs, lastAtMs])).toEqual([
      ['busy', 5_000, 0, 4_999],
      ['quiet', 1, 0, 0],
    ]);
  });

  it('keeps apart what differs: window, cost, settings, reset', () => {
    const read = logOf([
      denied(),
      denied({ limits: [fullLimit({ startMs: 60_000 })] }),
      denied({ cost: 2 }),
      denied({ settingsVersion: 1 }),
      denied(at(0)),
    ]);
    expect(read().map(({ times }) => times)).toEqual([1, 1, 1, 1, 1]);
  });

  it('holds a fixed number, the one refused longest ago going first', () => {
    const of = (tenantId: string) => denied({ tenantId });
    const read = logOf(['a', 'b', 'a', 'c', 'd'].map(of), 3);
    expect(read().map(({ tenantId }) => tenantId)).toEqual(['d', 'c', 'a']);
  });

  it('answers for one tenant, the newest first, and at most as many as asked', () => {
    const { observer, read } = createDenialLog();
    for (const cost of [1, 2, 3]) observer.decisionMade(denied({ cost, tenantId: 'a' }));
    observer.decisionMade(denied({ tenantId: 'b' }));
    expect(read({ tenantId: 'a', most: 2 }).map(({ cost }) => cost)).toEqual([3, 2]);
    expect(read({ tenantId: undefined, most: 1 }).map(({ tenantId }) => tenantId)).toEqual(['b']);
    expect(read({ tenantId: 'nobody', most: 9 })).toEqual([]);
  });
});
