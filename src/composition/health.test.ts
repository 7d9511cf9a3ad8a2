import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { Health } from './health.js';

/** A store whose `ready` the test settles. */
function reconnecting() {
  let back: () => void = () => undefined;
  let closed: (error: Error) => void = () => undefined;
  const ready = vi.fn(
    () =>
      new Promise<void>((resolve, reject) => {
        back = resolve;
        closed = reject;
      }),
  );
  return { ready, back: () => back(), closed: () => closed(new Error('closed')) };
}

describe('a counter store that goes away after the start', () => {
  it('is named from storeDown to storeUp; whatever a connection says, it was calls that failed', async () => {
    const health = new Health();
    health.started();
    expect(health.readiness.degraded).toEqual([]);
    health.observer.storeDown('refused');
    expect(health.readiness).toMatchObject({ ready: true, degraded: ['counter_store'] });
    health.recheckStore({ ready: async () => undefined });
    await turn();
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

  it('is looked for by who asks, one look at a time, so that an idle process recovers too', async () => {
    const health = new Health();
    const store = reconnecting();
    health.recheckStore(store);
    expect(store.ready).not.toHaveBeenCalled();
    health.storeLost();
    health.recheckStore(store);
    health.recheckStore(store);
    expect(store.ready).toHaveBeenCalledOnce();
    store.back();
    await turn();
    expect(health.readiness.degraded).toEqual([]);
    health.storeLost();
    health.recheckStore(store);
    store.closed();
    await turn();
    expect(health.readiness.degraded).toEqual(['counter_store']);
  });

  it('stands beside a ledger that is away', () => {
    const health = new Health();
    health.ledger(false);
    health.storeLost();
    expect(health.readiness.degraded).toEqual(['ledger', 'counter_store']);
  });
});
