// What a process knows of each tenant's counters, and whether it has told the store of the ledger's sums: for the tenants that it saw last.
import type { CountedWindow } from '../../core/quota/chargeReply.js';
import type { CounterFloor } from '../../core/quota/chargeRequest.js';
import { NO_COST, type RequestCost } from '../../core/quota/cost.js';
import type { KnownCounts, KnownWindow, SeenPlan } from './knownCounts.js';

/** Most tenants whose standing is remembered; the oldest are forgotten first, and are merely due again. */
const MAX_REMEMBERED_TENANTS = 200_000;

/** The least that the windows have counted; entries belong to the windows that were asked for. */
export type Floors = readonly (CounterFloor | undefined)[];

/** What a reading of the ledger said, and of when it is. */
export interface LastReading {
  readonly resetNumber: number;
  readonly plan: SeenPlan;
  readonly floors: Floors;
  readonly generation: number;
  readonly atMs: number;
}

/** One tenant. */
export interface Standing extends KnownCounts {
  seenPlan: SeenPlan;
  /** Of the reset that all of it is about. */
  resetNumber: number;
  /** The set of limits that the floors were sent for, by identity; undefined where none were, or the store forgot since. */
  limits: object | undefined;
  generation: number;
  sentAtMs: number;
  /** Whether floors were sent once more, a flush interval after the first. */
  healed: boolean;
  provisional: boolean;
  seen: readonly CountedWindow[] | undefined;
  seenCharge: readonly number[];
  seenHeld: readonly number[];
  /** The last reading of the ledger, for looks. */
  read: LastReading | undefined;
  known: readonly KnownWindow[];
  /** What an outage policy let pass since the last answer of the store. */
  passed: RequestCost;
}

/** No units, in any meter. */
export const NOTHING: readonly number[] = [];

/** See the head of this file. */
export class Standings {
  readonly #standings = new Map<string, Standing>();

  get(tenantId: string): Standing | undefined {
    return this.#standings.get(tenantId);
  }

  /** The tenant's, made where there is none; it is now the last to be forgotten. */
  remembered(tenantId: string): Standing {
    const known = this.#standings.get(tenantId);
    const standing = known ?? newStanding();
    // Put behind all others: the first in the map is the one to forget.
    if (known !== undefined) this.#standings.delete(tenantId);
    this.#standings.set(tenantId, standing);
    if (this.#standings.size > MAX_REMEMBERED_TENANTS) {
      const oldest = this.#standings.keys().next();
      if (oldest.done !== true) this.#standings.delete(oldest.value);
    }
    return standing;
  }
}

const newStanding = (): Standing => ({
  seenPlan: { windows: [], meters: undefined },
  resetNumber: 0,
  limits: undefined,
  generation: 0,
  sentAtMs: 0,
  healed: false,
  provisional: false,
  seen: undefined,
  seenCharge: NOTHING,
  seenHeld: NOTHING,
  read: undefined,
  known: [],
  passed: NO_COST,
});
