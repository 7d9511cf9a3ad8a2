// What finish.lua is sent and what it answers.
import { TallygateError } from '../../core/errors.js';
import type { FinishAction, FinishOutcome, FinishReply } from '../../core/quota/reservation.js';
import { finish } from './redis.generated.js';
import { scriptOf } from './script.js';

export const FINISH = scriptOf(finish);

const OUTCOMES: readonly FinishOutcome[] = [
  'committed',
  'released',
  'expired',
  'unknown',
  'other_amount',
  'already_released',
  'already_committed',
];

/** ARGV of finish.lua. */
export const finishArguments = (action: FinishAction): string[] => [
  action.kind,
  action.kind === 'commit' ? String(action.actual) : '0',
];

/**
 * Reads the reply of finish.lua.
 * @throws TallygateError `counter_store_timeout` for anything else: something answered in the script's place, so nobody knows.
 */
export function finishReply(reply: unknown): FinishReply {
  const [said, time, resetNumber, estimate]: readonly unknown[] = Array.isArray(reply) ? reply : [];
  const outcome = OUTCOMES.find((one) => one === said);
  const timeMs = Number(time);
  if (outcome === undefined || !Number.isSafeInteger(timeMs))
    throw new TallygateError(
      'counter_store_timeout',
      `Redis: expected the reply of the reservations' script, got ${typeof reply}; what became of the reservation is unknown`,
    );
  return { outcome, timeMs, resetNumber: Number(resetNumber), estimate: Number(estimate) };
}
