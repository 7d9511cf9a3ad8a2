// What a counter store is asked: some costs of a tenant, the windows that they are charged to, and what else goes in the same step.
import type { Settlement } from './lease.js';
import type { Remember } from './remembered.js';

/** A fixed window as the caller knows it. The caller cannot know the store's time, so it sends three and the store picks one. */
export interface FixedWindow {
  /** Which counter of the tenant. Unique within a request. */
  readonly field: string;
  /** Most units in one window; undefined: there is no limit. */
  readonly limit: number | undefined;
  /** Whether a cost that does not fit is refused. Otherwise it is charged all the same. */
  readonly denies: boolean;
  /** Starts of the previous, the present and the next window by the caller's clock, ascending, in milliseconds since 1970. */
  readonly starts: readonly [number, number, number];
  /** End of the next window. */
  readonly end: number;
  /** Whether the ledger knows this window's sum: then a limited counter that is absent is unknown, not zero. */
  readonly fromLedger: boolean;
  /** Units at which the first threshold is told of; the second is the limit itself. undefined: none is told of. */
  readonly tellAt: number | undefined;
  /** Which of a request's costs it counts: see {@link ChargeRequest.costs}. @defaultValue 0 */
  readonly meter?: number;
}

/** A sliding window of eleven segments: never more than the limit in any ten segments' time. */
export interface SlidingWindow {
  readonly field: string;
  readonly limit: number | undefined;
  readonly denies: boolean;
  /** Length of a segment in milliseconds: a tenth of the window. */
  readonly segmentMs: number;
  /** As of a fixed window. */
  readonly meter?: number;
}

/** A window of a request. */
export type ChargeWindow = FixedWindow | SlidingWindow;

/** What the ledger says was used in the window that starts at `start`: the counter is raised to it, never lowered. */
export interface CounterFloor {
  readonly start: number;
  readonly used: number;
  /** Set where the ledger did not answer and 0 had to do: the counter keeps this mark until a floor without it arrives. */
  readonly provisional?: true;
  /**
   * Set where a process tells what it saw itself: others may have used more, so it raises a counter that is there, and neither
   * begins one that only the ledger knows nor takes its mark away.
   */
  readonly raisesOnly?: true;
}

/** What to decide, in one step. */
export interface ChargeRequest {
  readonly tenantId: string;
  /**
   * Whole units, from 0 to 2^53-1, of the requests in the order in which they arrived; of each request one cost a meter, the quota's
   * own units first. A request fits whole into every window that denies, with all of its costs, or charges nothing. One whose costs
   * are all 0 looks: it is granted always, and where nothing else is asked nothing is written, floors included.
   */
  readonly costs: readonly number[];
  /** Meters beside the quota's own units that each request has a cost in, by name, in the order of its costs. @defaultValue none */
  readonly meters?: readonly string[] | undefined;
  /** In any order, which is that of the reply: a counter that is new counts at least what any other window inside it has counted. */
  readonly windows: readonly ChargeWindow[];
  /** By window; of the counts under `resetNumber`. */
  readonly floors?: readonly (CounterFloor | undefined)[] | undefined;
  /** The number of the tenant's last reset as the caller knows it. A higher one than stored makes all counts 0. */
  readonly resetNumber: number;
  /** By the store's clock, in milliseconds since 1970: a store that comes to it later answers `late` and charges nothing. */
  readonly deadlineMs?: number | undefined;
  /** Longest wait for the answer from now on, in milliseconds. The guard around a store holds it; stores themselves do not look. */
  readonly waitMs?: number | undefined;
  /** A block that ends: given back before the costs are looked at. */
  readonly settle?: Settlement | undefined;
  /** Own units wanted as a new block, after the costs. None is given where a window slides. */
  readonly take?: number | undefined;
  /** Makes the one request a reservation: once granted its costs are held, and can be committed or released by its id. */
  readonly reserve?: NewReservation | undefined;
  /** Charges the one request at most once: admitted, it is remembered in the same step. Nothing is taken or given back with it. */
  readonly remember?: Remember | undefined;
}

/** A reservation to make. */
export interface NewReservation {
  /** Unique within the tenant: `[A-Za-z0-9_-]`. */
  readonly id: string;
  /** How long it can be committed, in milliseconds. */
  readonly ttlMs: number;
}
