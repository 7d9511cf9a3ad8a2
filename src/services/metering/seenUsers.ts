// Users that were booked today already: they need no row, no journal and no ledger a second time. May forget, never invents: whole
// names in a set, no hashes that could meet; and a name comes in only once its booking is on disk or in the ledger.
import type { UsageDate } from '../../core/time/calendar.js';

/** Names in each of the two halves: about 10 MB with ids of usual length. */
const MOST_IN_HALF = 50_000;

/** See the head of this file. Bounded: when the younger half is full, the older one is forgotten and they change places. */
export class SeenUsers {
  readonly #most: number;
  #young = new Set<string>();
  #old = new Set<string>();

  constructor(most: number = MOST_IN_HALF) {
    this.#most = most;
  }

  has(tenantId: string, usageDate: UsageDate, userId: string): boolean {
    const name = nameOf(tenantId, usageDate, userId);
    if (this.#young.has(name)) return true;
    if (!this.#old.has(name)) return false;
    // Kept among the young: whoever comes every minute is never forgotten.
    this.#add(name);
    return true;
  }

  add(tenantId: string, usageDate: UsageDate, userId: string): void {
    this.#add(nameOf(tenantId, usageDate, userId));
  }

  #add(name: string): void {
    if (this.#young.size >= this.#most) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(name);
  }

  /** Where something was lost, nothing is known any more. */
  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}

/** The tenant's length tells where it ends, so no two names are one. */
const nameOf = (tenantId: string, usageDate: UsageDate, userId: string): string =>
  `${usageDate}${tenantId.length}:${tenantId}${userId}`;
