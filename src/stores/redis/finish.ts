// What finish.lua is sent and what it answers.
import { TallygateError } from '../../core/errors.js';
import { type MeterCost, NO_METER_COSTS } from '../../core/quota/cost.js';
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
  action.kind === 'commit' ? amountsText(action.meterActuals ?? NO_METER_COSTS) : '',
];

/** In the order of their names, so that equal amounts are one text. Names of meters have neither spaces nor colons. */
const amountsText = (amounts: readonly MeterCost[]): string =>
  amounts
    .map(({ meter, units }) => `${meter}:${units}`)
    .toSorted()
    .join(' ');

function amountsOf(text: unknown): readonly MeterCost[] {
  const parts = typeof text === 'string' ? text.split(' ').filter((part) => part !== '') : [];
  return parts.map((part) => ({
    meter: part.slice(0, part.indexOf(':')),
    units: Number(part.slice(part.indexOf(':') + 1)),
  }));
}

/**
 * Reads the reply of finish.lua.
 * @throws TallygateError `counter_store_timeout` for anything else: something answered in the script's place, so nobody knows.
 */
export function finishReply(reply: unknown): FinishReply {
  const [said, time, resetNumber, estimate, estimates]: readonly unknown[] = Array.isArray(reply) ? reply : [];
  const outcome = OUTCOMES.find((one) => one === said);
  const timeMs = Number(time);
  if (outcome === undefined || !Number.isSafeInteger(timeMs))
    throw new TallygateError(
      'counter_store_timeout',
      `Redis: expected the reply of the reservations' script, got ${typeof reply}; what became of the reservation is unknown`,
    );
  const meterEstimates = amountsOf(estimates);
  return {
    ...{ outcome, timeMs, resetNumber: Number(resetNumber), estimate: Number(estimate) },
    ...(meterEstimates.length === 0 ? {} : { meterEstimates }),
  };
}
