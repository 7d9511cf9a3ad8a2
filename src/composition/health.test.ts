import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { Health } from './health.js';

describe('a counter store that goes away after the start', () => {
  it('is named from storeDown to storeUp, also where a late answer comes in between', () => {
    const health = new Health();
    health.started();
    expect(health.readiness.degraded).toEqual([]);
    health.observer.storeDown('refused');
    expect(health.readiness).toMatchObject({ ready: true, degraded: ['counter_store'] });
    health.observer.storeCalled('answered', 0);
    expect(health.readiness.degraded).toEqual(['counter_store']);
    health.observer.storeUp(5);
    expect(health.readiness.degraded).toEqual([]);
  });

  it('is named where no request comes, once its connection breaks, until a call is answered', () => {
    const health = new Health();
    health.storeLost();
    expect(health.readiness.degraded).toEqual(['counter_store']);
    health.observer.storeCalled('unavailable', 0);
    expect(health.readiness.degraded).toEqual(['counter_store']);
    health.observer.storeCalled('answered', 0);
    expect(health.readiness.degraded).toEqual([]);
  });

  it('is asked again by who looks, once at a time, so that an idle process recovers too', async () => {
    const health = new Health();
    const answers: (() => void)[] = [];
    const look = vi.fn(() => new Promise<void>((resolve) => answers.push(resolve)));
    health.recheckStore(look);
    expect(look).not.toHaveBeenCalled();
    health.storeLost();
    health.recheckStore(look);
    health.recheckStore(look);
    expect(look).toHaveBeenCalledOnce();
    // The answer is heard as that to any request is.
    health.observer.storeCalled('answered', 0);
    answers[0]?.();
    await turn();
    expect(health.readiness.degraded).toEqual([]);
    health.observer.storeDown('refused');
    for (let failed = 0; failed < 3; failed += 1) {
      health.recheckStore(() => Promise.reject(new Error('still away')));
      await turn();
    }
    health.recheckStore(look);
    expect(look).toHaveBeenCalledTimes(2);
  });

  it('stands beside a ledger that is away', () => {
    const health = new Health();
    health.ledger(false);
    health.storeLost();
    expect(health.readiness.degraded).toEqual(['ledger', 'counter_store']);
  });
});
