// A reservation: a cost that is known only afterwards. The estimate is charged and held; a commit corrects it to what it was, a
// release takes it back, each once and only in the very windows that were charged. Expiry only forgets: a slow call that ends
// after it was admitted, so its estimate stays charged.
import { isSegments, type StoredCounter, type StoredTenant, saturatingSum } from './counter.js';
import type { ChargedWindow } from './lease.js';

/** How long a store remembers a reservation after the last of its windows has ended, in milliseconds. */
export const KEEP_RESERVATION_MS = 2 * 86_400_000;

/** A reservation as a store keeps it. */
export interface StoredReservation {
  /** `late`: committed after it had expired. */
  readonly state: 'open' | 'committed' | 'released' | 'late';
  readonly estimate: number;
  /** What it was in the end; 0 before. */
  readonly actual: number;
  /** In milliseconds since 1970, by the store's clock. */
  readonly expiresAtMs: number;
  readonly resetNumber: number;
  readonly incarnation: string;
  readonly windows: readonly ChargedWindow[];
}

/** What to do with a reservation. */
export type FinishAction = { readonly kind: 'commit'; readonly actual: number } | { readonly kind: 'release' };

/** A reservation to end. */
export interface FinishRequest {
  readonly tenantId: string;
  /** As it was made with. */
  readonly id: string;
  readonly action: FinishAction;
  readonly waitMs?: number | undefined;
}

/**
 * `committed`, `released`: done, now or by the same call before. `expired`: too late; nothing was given back. `unknown`: no such
 * reservation, or not any more. `other_amount`: it was committed with another amount. `already_released`, `already_committed`:
 * the other of the two came first.
 */
export type FinishOutcome =
  | 'committed'
  | 'released'
  | 'expired'
  | 'unknown'
  | 'other_amount'
  | 'already_released'
  | 'already_committed';

/** The answer. */
export interface FinishReply {
  readonly outcome: FinishOutcome;
  readonly timeMs: number;
  /** Of the reset that the reservation was charged under; 0 where it is unknown. */
  readonly resetNumber: number;
  /** Units charged at first; 0 where it is unknown. */
  readonly estimate: number;
}

/** What ending a reservation leaves: the reply, the counters to write, and the reservation afterwards where it changed. */
export interface FinishStep {
  readonly reply: FinishReply;
  readonly counters: ReadonlyMap<string, StoredCounter>;
  readonly reservation: StoredReservation | undefined;
}

/** Ends a reservation at the store's time. */
export function finish(
  stored: StoredTenant,
  reservation: StoredReservation | undefined,
  action: FinishAction,
  timeMs: number,
): FinishStep {
  const outcome = outcomeOf(reservation, action, timeMs);
  const { resetNumber = 0, estimate = 0 } = reservation ?? {};
  const reply: FinishReply = { outcome, timeMs, resetNumber, estimate };
  const state = reservation?.state;
  if (reservation === undefined || state !== 'open' || !['committed', 'released', 'expired'].includes(outcome))
    return { reply, counters: new Map(), reservation: undefined };
  const actual = action.kind === 'commit' ? action.actual : 0;
  if (outcome === 'expired') {
    const late = action.kind === 'commit' ? { ...reservation, state: 'late' as const, actual } : undefined;
    return { reply, counters: new Map(), reservation: late };
  }
  return {
    reply,
    counters: corrected(stored, reservation, actual),
    reservation: { ...reservation, state: action.kind === 'commit' ? 'committed' : 'released', actual },
  };
}

function outcomeOf(reservation: StoredReservation | undefined, action: FinishAction, timeMs: number): FinishOutcome {
  if (reservation === undefined) return 'unknown';
  const { state, actual, expiresAtMs } = reservation;
  const commits = action.kind === 'commit';
  if (state === 'committed') {
    if (!commits) return 'already_committed';
    return action.actual === actual ? 'committed' : 'other_amount';
  }
  if (state === 'released') return commits ? 'already_released' : 'released';
  if (state === 'late' || timeMs >= expiresAtMs) return 'expired';
  return commits ? 'committed' : 'released';
}

/** The counters after the estimate became `actual`: each window for itself, none that is another one by now. */
function corrected(stored: StoredTenant, reservation: StoredReservation, actual: number): Map<string, StoredCounter> {
  const changed = new Map<string, StoredCounter>();
  if (stored.incarnation !== reservation.incarnation) return changed;
  const { estimate } = reservation;
  for (const { field, start } of reservation.windows) {
    const counter = stored.counters.get(field);
    if (counter === undefined) continue;
    if (isSegments(counter)) {
      if (!counter.segments.some(({ index }) => index === start)) continue;
      const segments = counter.segments.map((one) =>
        one.index === start ? { index: start, units: replaced(one.units, estimate, actual) } : one,
      );
      changed.set(field, { segments });
      continue;
    }
    if (counter.start !== start) continue;
    changed.set(field, {
      ...counter,
      used: replaced(counter.used, estimate, actual),
      held: Math.max(0, counter.held - estimate),
    });
  }
  return changed;
}

const replaced = (used: number, estimate: number, actual: number): number =>
  saturatingSum(Math.max(0, used - estimate), actual);
