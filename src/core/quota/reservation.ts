// A reservation: a cost that is known only afterwards. The estimate is charged and held; a commit corrects it to what it was, a
// release takes it back, each once and only in the very windows that were charged. Expiry only forgets: a slow call that ends
// after it was admitted, so its estimate stays charged, and what it was above that is charged too.

import { costIn, isSameCost, type MeterCost, NO_METER_COSTS } from './cost.js';
import { isSegments, type StoredCounter, type StoredTenant, saturatingSum } from './counter.js';
import type { ChargedWindow } from './lease.js';

/** How long a store remembers a reservation after the last of its windows has ended, in milliseconds. */
export const KEEP_RESERVATION_MS = 2 * 86_400_000;

/** A reservation as a store keeps it. */
export interface StoredReservation {
  /** `late`: committed after it had expired. */
  readonly state: 'open' | 'committed' | 'released' | 'late';
  readonly estimate: number;
  /** The estimates in meters of the team's own. @defaultValue none */
  readonly meterEstimates?: readonly MeterCost[] | undefined;
  /** What it was in the end; 0 before. */
  readonly actual: number;
  /** The same in meters of the team's own. @defaultValue none */
  readonly meterActuals?: readonly MeterCost[] | undefined;
  /** In milliseconds since 1970, by the store's clock. */
  readonly expiresAtMs: number;
  readonly resetNumber: number;
  readonly incarnation: string;
  readonly windows: readonly ChargedWindow[];
}

/** What to do with a reservation. */
export type FinishAction = CommitAction | { readonly kind: 'release' };

/** What a reservation was in the end: the quota's own units, and amounts of the team's own meters, also such as were not estimated. */
export interface CommitAction {
  readonly kind: 'commit';
  readonly actual: number;
  readonly meterActuals?: readonly MeterCost[] | undefined;
}

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
  readonly meterEstimates?: readonly MeterCost[] | undefined;
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
  const { resetNumber = 0, estimate = 0, meterEstimates } = reservation ?? {};
  const meters = meterEstimates === undefined || meterEstimates.length === 0 ? {} : { meterEstimates };
  const reply: FinishReply = { outcome, timeMs, resetNumber, estimate, ...meters };
  const state = reservation?.state;
  if (reservation === undefined || state !== 'open' || !['committed', 'released', 'expired'].includes(outcome))
    return { reply, counters: new Map(), reservation: undefined };
  const ended = { ...reservation, ...(action.kind === 'commit' ? actualsOf(action) : { actual: 0 }) };
  if (outcome === 'expired') {
    if (action.kind === 'release') return { reply, counters: new Map(), reservation: undefined };
    return { reply, counters: corrected(stored, ended, true), reservation: { ...ended, state: 'late' } };
  }
  return {
    reply,
    counters: corrected(stored, ended, false),
    reservation: { ...ended, state: action.kind === 'commit' ? 'committed' : 'released' },
  };
}

function outcomeOf(reservation: StoredReservation | undefined, action: FinishAction, timeMs: number): FinishOutcome {
  if (reservation === undefined) return 'unknown';
  const { state, actual, meterActuals = NO_METER_COSTS, expiresAtMs } = reservation;
  const commits = action.kind === 'commit';
  if (state === 'committed') {
    if (!commits) return 'already_committed';
    const isSame = action.actual === actual && isSameCost(action.meterActuals ?? NO_METER_COSTS, meterActuals);
    return isSame ? 'committed' : 'other_amount';
  }
  if (state === 'released') return commits ? 'already_released' : 'released';
  if (state === 'late' || timeMs >= expiresAtMs) return 'expired';
  return commits ? 'committed' : 'released';
}

const actualsOf = ({ actual, meterActuals }: CommitAction) =>
  meterActuals === undefined ? { actual } : { actual, meterActuals };

/**
 * The counters after the estimates became what it was: each window for itself, none that is another one by now.
 * @param isLate it had expired: nothing goes back and what is held stays so, but what was above the estimate is charged all the same,
 *   since it is metered all the same
 */
function corrected(stored: StoredTenant, reservation: StoredReservation, isLate: boolean): Map<string, StoredCounter> {
  const changed = new Map<string, StoredCounter>();
  if (stored.incarnation !== reservation.incarnation) return changed;
  const { meterEstimates = NO_METER_COSTS, meterActuals = NO_METER_COSTS } = reservation;
  for (const { field, start, meter } of reservation.windows) {
    const estimated = meter === undefined ? reservation.estimate : costIn(meterEstimates, meter);
    const actually = meter === undefined ? reservation.actual : costIn(meterActuals, meter);
    const [estimate, actual] = isLate ? [0, Math.max(0, actually - estimated)] : [estimated, actually];
    if (isLate && actual === 0) continue;
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
