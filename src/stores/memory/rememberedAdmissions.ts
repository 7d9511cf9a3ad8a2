// Admissions under clients' keys, as long as they are remembered. No timer forgets them: each that is kept looks at the oldest ones.
import { REMEMBER_MS, type RememberedAdmission } from '../../core/quota/remembered.js';

/** Oldest ones looked at by each that is kept: two, so that what is over goes faster than anything comes. */
const LOOKS_PER_KEEP = 2;

/** See the head of this file. */
export class RememberedAdmissions {
  readonly #most: number;
  /** By key and tenant, in the order of their coming, which is nearly that of their ends. */
  readonly #admissions = new Map<string, RememberedAdmission>();

  /** @param most how many; above it the oldest are forgotten */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many there are, some of which may be over. */
  get size(): number {
    return this.#admissions.size;
  }

  /** What is remembered under a key; undefined where nothing is, or not any more. */
  of(tenantId: string, key: string, nowMs: number): RememberedAdmission | undefined {
    const known = this.#admissions.get(nameOf(tenantId, key));
    return known === undefined || isOver(known, nowMs) ? undefined : known;
  }

  keep(tenantId: string, key: string, admission: RememberedAdmission): void {
    const name = nameOf(tenantId, key);
    // Put behind all others, also where one that is over is in its place.
    this.#admissions.delete(name);
    this.#admissions.set(name, admission);
    let looks = LOOKS_PER_KEEP;
    for (const [oldest, { timeMs }] of this.#admissions) {
      const isForgotten = this.#admissions.size > this.#most || timeMs + REMEMBER_MS <= admission.timeMs;
      if (!isForgotten || looks === 0) return;
      this.#admissions.delete(oldest);
      looks -= 1;
    }
  }

  clear(): void {
    this.#admissions.clear();
  }
}

/** The key first: it has one length, so no two pairs run together. */
const nameOf = (tenantId: string, key: string): string => `${key}${tenantId}`;

const isOver = ({ timeMs }: RememberedAdmission, nowMs: number): boolean => nowMs >= timeMs + REMEMBER_MS;
