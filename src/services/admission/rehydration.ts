// What a counter store forgot comes back from the ledger. Knows which tenants' counters still need the ledger's word, asks
// for many tenants in one query, and remembers that the ledger is away, so that an outage costs one wait and not one a call.
//
// A tenant is due when this process has not yet told the present store of its sums: on its first call, after a changed set of
// limits, after a (re)connect or error of the store, where the store says that a counter was only provisional, and once more
// after the next flush interval, which heals a lagging replica, a restart from an old snapshot, and what other processes had
// not flushed at the first reading. Sending a sum twice is harmless: the store takes the maximum.
import { hasCode } from '../../core/errors.js';
import type { CountedWindow, CounterFloor } from '../../core/quota/charge.js';
import type { PlannedWindow } from '../../core/quota/windows.js';
import type { Clock } from '../../ports/clock.js';
import type { ChargeSumQuery } from '../../ports/usageLedger.js';

/** Most tenants whose standing is remembered; the oldest are forgotten first, and are merely due again. */
const MAX_REMEMBERED_TENANTS = 200_000;
/** Most sums in one query; what waits beyond goes with the next one. */
const MAX_SUMS_PER_QUERY = 5_000;
/** After a failure the ledger counts as away for this long: calls meanwhile do not wait for it again. */
const LEDGER_RETRY_MS = 1_000;

/** What it needs. */
export interface RehydrationParts {
  /** The sums, in order; rejects with a ledger error within its own deadline of 2 s. */
  readonly sumCharges: (queries: readonly ChargeSumQuery[]) => Promise<readonly number[]>;
  /** Brings this process's own unflushed charges of a tenant to the ledger, as far as it can within 250 ms. */
  readonly flushCharges: (tenantId: string) => Promise<void>;
  /** Generation of the counter store: see the port. */
  readonly generation: () => number;
  readonly flushIntervalMs: number;
  readonly clock: Clock;
}

/** The ledger's word for one tenant: `undefined` where it did not answer. Entries belong to the windows that were asked for. */
export type Floors = readonly (CounterFloor | undefined)[];

interface Standing {
  /** The set of limits that the floors were sent for, by identity. */
  readonly limits: object;
  readonly generation: number;
  readonly sentAtMs: number;
  readonly healed: boolean;
  /** The last counts that the store told, in case both it and the ledger fail afterwards. */
  lastCounted: readonly CountedWindow[] | undefined;
  provisional: boolean;
}

interface Waiting {
  readonly query: ChargeSumQuery;
  readonly resolve: (sum: number) => void;
  readonly reject: (error: unknown) => void;
}

/** See the head of this file. */
export class Rehydration {
  readonly #parts: RehydrationParts;
  readonly #standings = new Map<string, Standing>();
  #waiting: Waiting[] = [];
  #asking = false;
  #ledgerAwayUntilMs = Number.NEGATIVE_INFINITY;

  constructor(parts: RehydrationParts) {
    this.#parts = parts;
  }

  /** Whether the tenant's next charge should carry the ledger's sums. */
  isDue(tenantId: string, limits: object): boolean {
    const standing = this.#standings.get(tenantId);
    if (standing === undefined || standing.limits !== limits) return true;
    if (standing.generation !== this.#parts.generation()) return true;
    if (standing.healed && !standing.provisional) return false;
    return standing.provisional || this.#parts.clock.monotonicMs() - standing.sentAtMs >= this.#parts.flushIntervalMs;
  }

  /** Whether asking the ledger now would only wait in vain. */
  ledgerIsAway(): boolean {
    return this.#parts.clock.monotonicMs() < this.#ledgerAwayUntilMs;
  }

  /**
   * The ledger's sums of the tenant's present windows, or undefined where the ledger does not answer. This process's own
   * charges are flushed first: what was granted here and is only in its buffer must not be granted again.
   */
  async floorsOf(tenantId: string, windows: readonly PlannedWindow[]): Promise<Floors | undefined> {
    if (this.ledgerIsAway()) return undefined;
    try {
      await this.#parts.flushCharges(tenantId);
      return await Promise.all(windows.map((window) => this.#floorOf(tenantId, window)));
    } catch (error) {
      if (!hasCode(error, 'ledger_unavailable', 'ledger_refused', 'migrations_pending')) throw error;
      this.#ledgerAwayUntilMs = this.#parts.clock.monotonicMs() + LEDGER_RETRY_MS;
      return undefined;
    }
  }

  /** Floors from what the store itself last told, for the time when neither it nor the ledger can be trusted to know. */
  lastKnownFloors(tenantId: string, windows: readonly PlannedWindow[]): Floors {
    const counted = this.#standings.get(tenantId)?.lastCounted ?? [];
    return windows.map((window) => {
      const last = counted.find((one) => one.start === window.starts[1] && one.end === window.starts[2]);
      return window.fromLedger && last !== undefined ? { start: last.start, used: last.used } : undefined;
    });
  }

  /** The store took the ledger's floors: the tenant is due again only for a reason. */
  sent(tenantId: string, limits: object, generation: number): void {
    const before = this.#standings.get(tenantId);
    const healed = before?.limits === limits && before.generation === generation && !before.provisional;
    this.#standings.delete(tenantId);
    this.#standings.set(tenantId, {
      limits,
      generation,
      sentAtMs: this.#parts.clock.monotonicMs(),
      healed,
      lastCounted: before?.lastCounted,
      provisional: false,
    });
    if (this.#standings.size > MAX_REMEMBERED_TENANTS) {
      const oldest = this.#standings.keys().next();
      if (oldest.done !== true) this.#standings.delete(oldest.value);
    }
  }

  /** Remembers what the store told last. */
  counted(tenantId: string, windows: readonly CountedWindow[]): void {
    const standing = this.#standings.get(tenantId);
    if (standing === undefined) return;
    standing.lastCounted = windows;
    if (windows.some((window) => window.provisional)) standing.provisional = true;
  }

  async #floorOf(tenantId: string, window: PlannedWindow): Promise<CounterFloor | undefined> {
    const dates = window.dates?.[1];
    if (!window.fromLedger || window.limit === undefined || dates === undefined) return undefined;
    const used = await this.#sum({ tenantId, meter: '', resetNumber: 0, firstDate: dates.first, lastDate: dates.last });
    return { start: window.starts[1], used };
  }

  #sum(query: ChargeSumQuery): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ query, resolve, reject });
      if (!this.#asking) void this.#ask();
    });
  }

  /** One query in flight; what arrives meanwhile goes with the next. */
  async #ask(): Promise<void> {
    this.#asking = true;
    // The queries of one tenant and of all that start in this turn are gathered before the first is sent.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_SUMS_PER_QUERY);
      try {
        const sums = await this.#parts.sumCharges(batch.map((one) => one.query));
        for (const [index, one] of batch.entries()) one.resolve(sums[index] ?? 0);
      } catch (error) {
        for (const one of batch) one.reject(error);
      }
    }
    this.#asking = false;
  }
}
