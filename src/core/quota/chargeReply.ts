// What a counter store answers: which costs it granted, and where the windows stood before them.
import type { Segment } from './counter.js';
import type { RememberedAdmission } from './remembered.js';

/** Where a window stood before the costs of this request. */
export interface CountedWindow {
  /** The window that was charged, or would have been: the stored one's, where the store knew better than the caller. */
  readonly start: number;
  readonly end: number;
  readonly used: number;
  /** Index of the sent window that holds `start`, or -1 where it began before all of them. 1 for a sliding window. */
  readonly sent: number;
  readonly provisional: boolean;
  readonly held: number;
  /** What a sliding window counts after this request, oldest first; only where a cost was refused: it says when one will fit. */
  readonly segments?: readonly Segment[];
}

/** A window reached a threshold, for the first time since it began, in whichever process. */
export interface Crossing {
  /** Index of the window. */
  readonly window: number;
  /** In percent of the limit: the highest one that was reached. */
  readonly level: 80 | 100;
}

/**
 * The answer. `cold`: a limited counter that the ledger knows is absent; call again with its floor. `clock`: none of the sent
 * windows of some limit holds the store's time; call again with windows around `timeMs`. `late`: the deadline had passed.
 * `conflict`: something else was admitted under the request's key. Whatever is not `decided` has changed nothing.
 */
export type ChargeReply =
  | DecidedReply
  | { readonly outcome: 'cold' | 'clock' | 'late' | 'conflict'; readonly timeMs: number; readonly resetNumber: number };

/** An answer that decided. */
export interface DecidedReply {
  readonly outcome: 'decided';
  /** The store's clock, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Of the reset after which this was counted: the caller's, or a later one that it does not know yet. */
  readonly resetNumber: number;
  /** Of the counters afterwards; '' where nothing is stored. */
  readonly incarnation: string;
  /** By request. */
  readonly granted: readonly boolean[];
  /** By window. */
  readonly windows: readonly CountedWindow[];
  /** Units of the block that was taken: charged and held beside the costs. */
  readonly block: number;
  /** Own units that the call as a whole charged: the costs that were granted, and the block. */
  readonly charged: number;
  readonly crossed: readonly Crossing[];
  /** Set where this very request was admitted before, under its key: nothing was charged now. */
  readonly remembered?: RememberedAdmission;
}
