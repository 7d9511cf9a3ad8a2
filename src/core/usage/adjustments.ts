// Corrections: what may be corrected, and how a corrected figure is shown. The recorded figure never changes; a correction stands
// beside it, and the two meet only where usage is read.
import { type Fault, invalidRequest } from '../errors.js';
import { API_CALLS, type Meters } from '../meter.js';
import { MAX_COUNT } from '../quota/limit.js';
import { reasonFault } from '../quota/settingFaults.js';
import { isUsageDate, type UsageDate } from '../time/calendar.js';

/**
 * Meters that can be corrected: sums, which are API calls and the team's own counters. Distinct users, and averages over time of storage
 * and of levels, are none, so no number can be added to them; what was said of a level is corrected by saying it again for its instant.
 */
export const adjustableMeters = (meters: Meters): readonly string[] => [
  API_CALLS,
  ...[...meters].filter(([, { kind }]) => kind === 'counter').map(([name]) => name),
];

/** Corrections of one day and meter, added up. */
export interface AdjustmentSum {
  readonly usageDate: UsageDate;
  readonly meter: string;
  /** From -(2^53-1) to 2^53-1. */
  readonly delta: number;
}

/** A correction as it is asked for. */
export interface AdjustmentRequest {
  readonly date: UsageDate;
  readonly meter: string;
  readonly delta: number;
  readonly reason: string;
}

/** A figure that was corrected, with its parts. */
export interface AdjustedFigure {
  /** As it was recorded. */
  readonly recorded: number;
  /** What the corrections add to it. */
  readonly delta: number;
  /** Whether the two together are below 0: then the figure is shown as 0. */
  readonly belowZero: boolean;
}

export function adjustedFigure(recorded: number, delta: number): AdjustedFigure {
  return { recorded, delta, belowZero: recorded + delta < 0 };
}

/** What is shown: from 0 to 2^53-1. */
export const shownOf = ({ recorded, delta }: AdjustedFigure): number =>
  Math.max(0, Math.min(MAX_COUNT, recorded + delta));

/**
 * A correction from fields of any type.
 * @param today the tenant's date
 * @param meters the team's own
 * @throws TallygateError `invalid_request` with every fault
 */
export function adjustmentOf(fields: AdjustmentFields, today: UsageDate, meters: Meters): AdjustmentRequest {
  const faults = adjustmentFaults(fields, today, meters);
  if (faults.length > 0) throw invalidRequest(faults);
  return fields as AdjustmentRequest;
}

/** The fields of a correction, of any type yet. */
export type AdjustmentFields = Readonly<Partial<Record<keyof AdjustmentRequest, unknown>>>;

/** All that is wrong with a correction. `today`: the tenant's date; a later day has nothing to correct. */
export function adjustmentFaults(request: AdjustmentFields, today: UsageDate, meters: Meters): Fault[] {
  const messages: Record<keyof AdjustmentRequest, string | undefined> = {
    date: dateFault(request.date, today),
    meter: meterFault(request.meter, adjustableMeters(meters)),
    delta: deltaFault(request.delta),
    reason: reasonFault(request.reason),
  };
  return Object.entries(messages).flatMap(([location, message]) =>
    message === undefined ? [] : [{ location, message }],
  );
}

function dateFault(date: unknown, today: UsageDate): string | undefined {
  if (typeof date !== 'string' || !isUsageDate(date))
    return `expected a date YYYY-MM-DD that exists, got ${named(date)}`;
  return date > today ? `expected a day not after today, ${today}, got ${date}` : undefined;
}

const meterFault = (meter: unknown, known: readonly string[]): string | undefined =>
  typeof meter === 'string' && known.includes(meter)
    ? undefined
    : `expected one of ${known.join(', ')}, got ${named(meter)}`;

const deltaFault = (delta: unknown): string | undefined =>
  typeof delta === 'number' && Number.isSafeInteger(delta) && delta !== 0
    ? undefined
    : `expected a whole number other than 0 from -${MAX_COUNT} to ${MAX_COUNT}, got ${named(delta)}`;

function named(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  return value === undefined ? 'nothing' : typeof value === 'number' ? String(value) : typeof value;
}
