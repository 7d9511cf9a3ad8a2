// What a counter store keeps of a tenant: one counter a limit, each in one of two shapes, and what all of them belong to.
import { MAX_COUNT } from './limit.js';

/** The counter of a fixed window. */
export interface StoredWindow {
  readonly start: number;
  readonly end: number;
  readonly used: number;
  /** The part of `used` that is out on leases and reservations. Shown and reconciled, never used to decide. */
  readonly held: number;
  /** The highest threshold that was told of in this window, in units; 0 for none. */
  readonly told: number;
  /** Seeded while the ledger was away: waits for a floor that the ledger knows. */
  readonly provisional: boolean;
}

/** Units counted in one tenth of a sliding window. */
export interface Segment {
  /** The instant divided by the length of a segment, rounded down. */
  readonly index: number;
  readonly units: number;
}

/** The counter of a sliding window: its segments, oldest first. */
export interface StoredSegments {
  readonly segments: readonly Segment[];
}

/** One counter as a store keeps it. */
export type StoredCounter = StoredWindow | StoredSegments;

/** A tenant as a store keeps it. */
export interface StoredTenant {
  /** The store's time in microseconds, in decimal, when the counters began or were last reset; undefined: nothing is stored. */
  readonly incarnation: string | undefined;
  /** The number of the last reset that acted; 0 for none. */
  readonly resetNumber: number;
  readonly counters: ReadonlyMap<string, StoredCounter>;
}

/** A tenant of which nothing is stored. */
export const NO_COUNTERS: StoredTenant = { incarnation: undefined, resetNumber: 0, counters: new Map() };

/** Whether a counter is a sliding window's. */
export const isSegments = (counter: StoredCounter): counter is StoredSegments => 'segments' in counter;

/** Adds without leaving the exact range: beyond 2^53-1 a count stays there. */
export const saturatingSum = (used: number, added: number): number =>
  added > MAX_COUNT - used ? MAX_COUNT : used + added;
