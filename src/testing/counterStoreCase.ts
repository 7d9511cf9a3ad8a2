// What a conformance case of the counter store is, and the few moves that all of them make. A case learns the store's time by
// asking the store, and lays its windows around it: no case sets a clock, so Redis passes the same ones.
import { randomUUID } from 'node:crypto';
import type { CountedWindow, DecidedReply } from '../core/quota/chargeReply.js';
import type {
  ChargeRequest,
  ChargeWindow,
  CounterFloor,
  FixedWindow,
  SlidingWindow,
} from '../core/quota/chargeRequest.js';
import { saturatingSum } from '../core/quota/counter.js';
import type { Settlement } from '../core/quota/lease.js';
import type { FinishAction, FinishReply } from '../core/quota/reservation.js';
import type { CounterStore } from '../ports/counterStore.js';

/** Makes a store that can answer. Cases use tenants of their own, so stores may share their data. */
export type MakeCounterStore = () => CounterStore | Promise<CounterStore>;

/** One guarantee of the port, as a run that throws where it does not hold. Needs no test framework. */
export interface CounterStoreCase {
  /** The guarantee, in words. */
  readonly name: string;
  /** Makes a store, uses it and closes it. Rejects with node:assert's AssertionError where the guarantee is broken. */
  run(makeStore: MakeCounterStore): Promise<void>;
}

/** A case from what it does with a store and a tenant that nobody else has. */
export const caseOf = (name: string, body: (tenant: CaseTenant) => Promise<void>): CounterStoreCase => ({
  name,
  run: async (makeStore) => {
    const store = await makeStore();
    try {
      await store.ready();
      await body(new CaseTenant(store, `case-${randomUUID()}`));
    } finally {
      await store.close();
    }
  },
});

export const HOUR_MS = 3_600_000;

/** How a window of a case differs from an hour that has room for ten. */
export interface CaseWindow {
  readonly field?: string;
  readonly limit?: number | undefined;
  readonly lengthMs?: number;
  readonly fromLedger?: boolean;
  readonly denies?: boolean;
  readonly tellAt?: number;
  readonly floor?: CounterFloor;
}

/** A fixed window with the floor that travels beside it. */
export interface FlooredWindow extends FixedWindow {
  readonly floor?: CounterFloor;
}

/** What became of one cost; the windows stand as they do after it. */
export interface OneReply {
  readonly outcome: 'granted' | 'denied' | 'cold' | 'clock' | 'late' | 'conflict';
  readonly timeMs: number;
  readonly windows: readonly Omit<CountedWindow, 'held'>[];
}

/** A window of which the present one begins at `start`, with the one before and the one after. */
export function windowFrom(start: number, window: CaseWindow = {}): FlooredWindow {
  const length = window.lengthMs ?? HOUR_MS;
  return {
    field: window.field ?? 'hour',
    limit: 'limit' in window ? window.limit : 10,
    denies: window.denies ?? true,
    starts: [start - length, start, start + length],
    end: start + 2 * length,
    fromLedger: window.fromLedger ?? false,
    tellAt: window.tellAt,
    ...(window.floor === undefined ? {} : { floor: window.floor }),
  };
}

/** A sliding window of one second, of which a segment lasts a tenth. */
export const slidingSecond = (limit: number | undefined, denies = true): SlidingWindow => ({
  ...{ field: 'burst~1', limit, denies },
  segmentMs: 100,
});

/** How the block of a reply ends of which `rest` units were not spent. */
export const settlementOf = (windows: readonly ChargeWindow[], reply: DecidedReply, rest: number): Settlement => ({
  ...{ incarnation: reply.incarnation, block: reply.block, rest },
  windows: windows.flatMap(({ field, meter }, index) =>
    meter === undefined ? [{ field, start: reply.windows[index]?.start ?? 0 }] : [],
  ),
});

/** A tenant of one case, in its store. */
export class CaseTenant {
  readonly store: CounterStore;
  readonly id: string;

  constructor(store: CounterStore, id: string) {
    this.store = store;
    this.id = id;
  }

  /** Another tenant of the same store. */
  other(id: string): CaseTenant {
    return new CaseTenant(this.store, id);
  }

  /** The store's time. Looks at nothing, so it is granted and creates nothing. */
  async now(): Promise<number> {
    return (await this.charge(0, [])).timeMs;
  }

  /** A window of which the present one began half its length ago: no case runs into an edge by chance. */
  async present(window: CaseWindow = {}): Promise<FlooredWindow> {
    return windowFrom((await this.now()) - Math.floor((window.lengthMs ?? HOUR_MS) / 2), window);
  }

  /** One cost, and what became of it. */
  async charge(
    cost: number,
    windows: readonly (FlooredWindow | ChargeWindow)[],
    more: Partial<ChargeRequest> = {},
  ): Promise<OneReply> {
    const floors = windows.map((window) => ('floor' in window ? window.floor : undefined));
    const reply = await this.store.charge({
      ...{ tenantId: this.id, costs: [cost], windows, floors, resetNumber: 0 },
      ...more,
    });
    if (reply.outcome !== 'decided') return { ...reply, windows: [] };
    const granted = reply.granted[0] === true;
    const charged = granted ? cost : 0;
    return {
      outcome: granted ? 'granted' : 'denied',
      timeMs: reply.timeMs,
      windows: reply.windows.map(({ held: _, ...window }) => ({
        ...window,
        used: saturatingSum(window.used, charged),
      })),
    };
  }

  /** A charge that must be decided. */
  async decide(cost: number, windows: readonly (FlooredWindow | ChargeWindow)[]): Promise<OneReply> {
    const reply = await this.charge(cost, windows);
    if (reply.outcome === 'granted' || reply.outcome === 'denied') return reply;
    throw new Error(`expected a decision, got "${reply.outcome}" at ${reply.timeMs}`);
  }

  /** A request of any shape, which must be decided. */
  async ask(windows: readonly ChargeWindow[], more: Partial<ChargeRequest>): Promise<DecidedReply> {
    const reply = await this.store.charge({ tenantId: this.id, costs: [], windows, resetNumber: 0, ...more });
    if (reply.outcome === 'decided') return reply;
    throw new Error(`expected a decision, got "${reply.outcome}" at ${reply.timeMs}`);
  }

  /** Ends a reservation. */
  async finish(id: string, action: FinishAction): Promise<FinishReply> {
    return this.store.finish({ tenantId: this.id, id, action });
  }

  /** Units that are used and held of each window, without changing them. */
  async standing(
    windows: readonly ChargeWindow[],
    meters: readonly string[] = [],
  ): Promise<(readonly [used: number, held: number])[]> {
    const { windows: counted } = await this.ask(windows, { costs: [0, ...meters.map(() => 0)], meters });
    return counted.map(({ used, held }) => [used, held] as const);
  }

  /** What the windows stand at, without changing them. */
  async used(windows: readonly (FlooredWindow | ChargeWindow)[]): Promise<number[]> {
    return (await this.decide(0, windows)).windows.map((window) => window.used);
  }

  /** Waits until the store's clock has reached an instant. */
  async reach(instantMs: number): Promise<void> {
    for (let now = await this.now(); now < instantMs; now = await this.now()) {
      if (instantMs - now > 5_000) throw new Error(`expected to wait 5 s at most, got ${instantMs - now} ms`);
      await new Promise((resolve) => setTimeout(resolve, instantMs - now));
    }
  }
}
