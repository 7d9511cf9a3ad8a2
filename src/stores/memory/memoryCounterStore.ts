// Counters in the process: the pure rule over a map of tenants, with a bound on what it remembers.
//
// No timer forgets anything. Each charge looks at a few entries on its way round the map: what ended long ago goes, and above
// the bound on tenants also what can be given back by the ledger. A counter that still counts and that nobody else knows never
// goes, so a limit is never granted twice; rather than that, a new tenant is refused at the last bound.
import { TallygateError } from '../../core/errors.js';
import { type ChargeReply, type ChargeRequest, charge, type StoredWindow } from '../../core/quota/charge.js';
import type { Clock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';

/** As in Redis: how long a tenant is kept after its longest window ended. */
const KEEP_AFTER_END_MS = 2 * 24 * 60 * 60 * 1000;
/** Entries looked at by one charge that writes. Two, so that a round ends before the map could have doubled. */
const STEPS_PER_CHARGE = 2;
/** The same above the bound on tenants. */
const STEPS_ABOVE_BOUND = 8;

/** How much it remembers. */
export interface MemoryCounterStoreOptions {
  /**
   * Tenants above which those are forgotten that lose nothing by it: their minute and hour have ended, and what else they
   * have the ledger knows, so that it comes back by `cold`.
   * @defaultValue 100,000 (about 100 MB with three windows each)
   */
  readonly maxTenants?: number;
  /**
   * Tenants above which a new one is refused with `counter_store_unavailable`: all of them are counting right now.
   * @defaultValue ten times `maxTenants`
   */
  readonly maxLiveTenants?: number;
}

/** Counters in this process alone, by its own clock. Answers with a value, never with a promise. */
export function memoryCounterStore(clock: Clock, options: MemoryCounterStoreOptions = {}): CounterStore {
  const maxTenants = options.maxTenants ?? 100_000;
  return new MemoryCounterStore(clock, maxTenants, options.maxLiveTenants ?? 10 * maxTenants);
}

interface TenantCounters {
  readonly tenantId: string;
  /** A Map, not an object: a field may have any name. */
  readonly windows: Map<string, StoredWindow>;
  /** End of the longest window. */
  lastEndMs: number;
  /** Until when it counts something that the ledger does not know. */
  aloneUntilMs: number;
}

const NO_WINDOWS: ReadonlyMap<string, StoredWindow> = new Map();

class MemoryCounterStore implements CounterStore {
  /** It forgets only with the process. */
  readonly generation = 0;
  readonly #clock: Clock;
  readonly #maxTenants: number;
  readonly #maxLiveTenants: number;
  /** A Map, not an object: a tenant may be called `__proto__`. */
  readonly #tenants = new Map<string, TenantCounters>();
  #round: Iterator<TenantCounters>;

  constructor(clock: Clock, maxTenants: number, maxLiveTenants: number) {
    this.#clock = clock;
    this.#maxTenants = maxTenants;
    this.#maxLiveTenants = maxLiveTenants;
    this.#round = this.#tenants.values();
  }

  charge(request: ChargeRequest): ChargeReply {
    const timeMs = Math.floor(this.#clock.wallMs());
    const tenant = this.#tenants.get(request.tenantId);
    const { reply, writes } = charge(tenant?.windows ?? NO_WINDOWS, request, timeMs);
    if (writes.size > 0) {
      this.#sweep(timeMs);
      // Looked up again: the sweep may have dropped this very entry, whose windows had all ended.
      this.#write(this.#tenants.get(request.tenantId) ?? this.#add(request.tenantId, tenant), request, writes);
    }
    return reply;
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#tenants.clear();
  }

  #add(tenantId: string, swept: TenantCounters | undefined): TenantCounters {
    if (this.#tenants.size >= this.#maxLiveTenants)
      throw new TallygateError(
        'counter_store_unavailable',
        `The process counts ${this.#maxLiveTenants} tenants already: count in Redis (REDIS_URL)`,
      );
    const tenant = swept ?? { tenantId, windows: new Map(), lastEndMs: 0, aloneUntilMs: 0 };
    this.#tenants.set(tenantId, tenant);
    return tenant;
  }

  #write(tenant: TenantCounters, request: ChargeRequest, writes: ReadonlyMap<string, StoredWindow>): void {
    for (const window of request.windows) {
      const written = writes.get(window.field);
      if (written === undefined) continue;
      tenant.windows.set(window.field, written);
      if (written.end > tenant.lastEndMs) tenant.lastEndMs = written.end;
      if (!window.fromLedger && written.end > tenant.aloneUntilMs) tenant.aloneUntilMs = written.end;
    }
  }

  #sweep(timeMs: number): void {
    const steps = this.#tenants.size >= this.#maxTenants ? STEPS_ABOVE_BOUND : STEPS_PER_CHARGE;
    for (let step = 0; step < steps; step += 1) {
      const next = this.#round.next();
      if (next.done === true) {
        this.#round = this.#tenants.values();
        return;
      }
      const { tenantId, lastEndMs, aloneUntilMs } = next.value;
      const ended = timeMs >= lastEndMs + KEEP_AFTER_END_MS;
      const givenBack = this.#tenants.size >= this.#maxTenants && timeMs >= aloneUntilMs;
      if (ended || givenBack) this.#tenants.delete(tenantId);
    }
  }
}
