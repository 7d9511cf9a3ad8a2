// The rule of the counters for a request under a key: charged once, whoever tells it again. decideOnce.lua is held to it by a randomised test.
import { type ChargeStep, charge } from './charge.js';
import type { DecidedReply } from './chargeReply.js';
import type { ChargeRequest } from './chargeRequest.js';
import type { StoredTenant } from './counter.js';
import type { Remember, RememberedAdmission } from './remembered.js';

/** A request under a key. */
export type KeyedChargeRequest = ChargeRequest & { readonly remember: Remember };

/** What a step under a key leaves beside its writes. */
export interface RememberStep extends ChargeStep {
  /** To be kept, with the writes or not at all; undefined: nothing is. */
  readonly remember: RememberedAdmission | undefined;
}

/**
 * The step of {@link charge} for a request under a key. One that is remembered looks, and its reply says what was remembered.
 * @param known what is remembered under the key
 */
export function chargeOnce(
  stored: StoredTenant,
  request: KeyedChargeRequest,
  known: RememberedAdmission | undefined,
  timeMs: number,
  micros: string,
): RememberStep {
  const step = charge(stored, known === undefined ? request : lookOf(request), timeMs, micros);
  const { reply } = step;
  if (known === undefined) {
    const isAdmitted = reply.outcome === 'decided' && reply.granted[0] === true;
    return { ...step, remember: isAdmitted ? admissionOf(request, reply) : undefined };
  }
  if (reply.outcome !== 'late' && known.content !== request.remember.content) {
    const { resetNumber } = reply;
    return { ...step, reply: { outcome: 'conflict', timeMs, resetNumber }, remember: undefined };
  }
  if (reply.outcome !== 'decided') return { ...step, remember: undefined };
  return { ...step, reply: { ...reply, remembered: known }, remember: undefined };
}

/** The same request without anything that would be written. */
export const lookOf = (request: ChargeRequest): ChargeRequest => ({
  ...request,
  costs: request.costs.map(() => 0),
  ...{ reserve: undefined, take: undefined, settle: undefined },
});

function admissionOf(request: KeyedChargeRequest, reply: DecidedReply): RememberedAdmission {
  const { remember, reserve, windows } = request;
  const { timeMs, resetNumber } = reply;
  return {
    content: remember.content,
    timeMs,
    resetNumber,
    dayStart: remember.day === undefined ? undefined : reply.windows[remember.day]?.start,
    reservation: reserve === undefined ? undefined : { id: reserve.id, expiresAtMs: timeMs + reserve.ttlMs },
    passing: windows.flatMap(({ field, limit, denies }, index) =>
      limit === undefined || denies ? [] : [{ field, used: reply.windows[index]?.used ?? 0 }],
    ),
  };
}
