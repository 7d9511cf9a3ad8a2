import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { decision, denied, fullLimit, limitState } from '../../test/quota/decisions.js';
import type { Decision } from '../core/quota/decision.js';
import { silentObserver } from '../ports/observer.js';
import { createEvents } from './events.js';

function events() {
  const onListenerFailure = vi.fn();
  const onDropped = vi.fn();
  const { observer, on } = createEvents({ onListenerFailure, onDropped });
  const told = { ...silentObserver, ...observer };
  return { on, onListenerFailure, onDropped, told, decided: (made: Decision) => told.decisionMade(made) };
}

describe('denied', () => {
  it('names the tenant, the limits that refused, the cost and the label', async () => {
    const { on, decided } = events();
    const heard = vi.fn();
    on('denied', heard);
    const made = denied({ cost: 2, limits: [fullLimit(), limitState({ name: 'day' })] });
    decided(made);
    expect(heard).not.toHaveBeenCalled();
    await turn();
    expect(heard).toHaveBeenCalledExactlyOnceWith({
      tenantId: 'acme',
      limits: [{ name: 'minute', limit: 60, used: 60 }],
      cost: 2,
      label: made.label,
      enforced: true,
    });
  });

  it('is told of a shadow limit, as not enforced; not of what passes or of an outage', async () => {
    const { on, decided } = events();
    const heard = vi.fn();
    on('denied', heard);
    decided(decision());
    decided(decision({ limits: [fullLimit({ enforce: 'soft' })] }));
    decided(decision({ outcome: 'unavailable', allowed: false, limits: [] }));
    decided(decision({ limits: [fullLimit({ enforce: 'shadow' })] }));
    await turn();
    expect(heard).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ enforced: false }));
  });
});

describe('threshold', () => {
  it('says which limit of whom, how far, and in which window', async () => {
    const { on, decided } = events();
    const heard = vi.fn();
    on('threshold', heard);
    decided(decision({ crossed: [{ name: 'minute', level: 80 }], limits: [limitState({ used: 48 })] }));
    decided(decision());
    await turn();
    expect(heard).toHaveBeenCalledExactlyOnceWith({
      ...{ tenantId: 'acme', name: 'minute', level: 80, used: 48, limit: 60 },
      ...{ startMs: 0, resetAtMs: 60_000 },
    });
  });
});

describe('storeDown and storeUp', () => {
  it('say why, and how long', async () => {
    const { on, told } = events();
    const heard: unknown[] = [];
    on('storeDown', (event) => heard.push(event));
    on('storeUp', (event) => heard.push(event));
    told.storeDown('connection refused');
    told.storeUp(1_500);
    await turn();
    expect(heard).toEqual([{ reason: 'connection refused' }, { downMs: 1_500 }]);
  });
});

describe('a listener', () => {
  it('that throws or rejects hurts nobody, and is told', async () => {
    const { on, decided, onListenerFailure } = events();
    const [thrown, rejected, after] = [new Error('thrown'), new Error('rejected'), vi.fn()];
    on('denied', () => {
      throw thrown;
    });
    on('denied', () => Promise.reject(rejected));
    on('denied', after);
    decided(denied());
    await turn();
    expect(after).toHaveBeenCalledOnce();
    expect(onListenerFailure.mock.calls).toEqual([
      ['denied', thrown],
      ['denied', rejected],
    ]);
  });

  it('hears nothing any more once it is ended, also not what is on its way; another of the same function stays', async () => {
    const { on, decided } = events();
    const heard = vi.fn();
    const end = on('denied', heard);
    on('denied', heard);
    decided(denied());
    end();
    end();
    await turn();
    expect(heard).toHaveBeenCalledOnce();
  });

  it('runs in the async context in which it began to listen, never in that of a request', async () => {
    const { on, decided } = events();
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    storage.run('subscription', () => on('denied', () => seen.push(storage.getStore())));
    storage.run('request', () => decided(denied()));
    await turn();
    expect(seen).toEqual(['subscription']);
  });

  it('gets at most 1,000 events of one turn; how many were dropped is told once, and the next turn is whole', async () => {
    const { on, decided, onDropped } = events();
    const heard = vi.fn();
    on('denied', heard);
    for (let made = 0; made < 1_234; made += 1) decided(denied());
    await turn();
    expect([heard.mock.calls.length, onDropped.mock.calls]).toEqual([1_000, [[234]]]);
    decided(denied());
    await turn();
    expect(heard).toHaveBeenCalledTimes(1_001);
  });

  it.each([
    ['nothing', () => {}, /^on: expected one of the events denied, threshold, storeDown, storeUp, got "nothing"$/],
    ['toString', () => {}, /^on: expected one of the events/],
    ['denied', 'a text', /^on\.denied: expected a function, got string$/],
  ])('of %s that cannot be is refused', (name, listener, message) => {
    expect(() => events().on(name as 'denied', listener as () => void)).toThrow(message);
  });

  it('that is added with every request is refused after the hundredth', () => {
    const { on } = events();
    for (let added = 0; added < 100; added += 1) on('denied', () => {});
    expect(() => on('denied', () => {})).toThrow(/^on\.denied: expected at most 100 listeners/);
    on('threshold', () => {});
  });
});
