// Plans: named sets of limits. Which ones exist without any configuration, what may stand in one, and in which order its
// limits are. How an app's code gives them is in readPlans.ts.
import { isCount, isSliding, type Limit, type LimitWindow, MAX_COUNT, WINDOW_UNITS, type WindowUnit } from './limit.js';

/** Limits by plan name, each plan's shortest window first. */
export type Plans = ReadonlyMap<string, readonly Limit[]>;

/** Longest name of a plan, in characters. */
export const MAX_PLAN_NAME_LENGTH = 64;
/** Most limits in one plan: each costs a counter and two headers on every request. */
export const MAX_LIMITS_PER_PLAN = 16;

const perMinuteAndDay = (minute: number, day: number): readonly Limit[] => [
  { name: 'minute', limit: minute, window: 'minute' },
  { name: 'day', limit: day, window: 'day' },
];

/** The plans that exist where nothing is configured. */
export const DEFAULT_PLANS: Plans = new Map([
  ['free', perMinuteAndDay(60, 5_000)],
  ['pro', perMinuteAndDay(300, 50_000)],
  ['enterprise', perMinuteAndDay(1_000, 500_000)],
]);

/** The plan of a tenant that nobody gave one, where nothing is configured. */
export const DEFAULT_PLAN = 'free';

export const isWindowUnit = (text: unknown): text is WindowUnit => WINDOW_UNITS.some((unit) => unit === text);

/** Whether `value` may stand as a limit's number: a whole number from 0 to 2^53-1, or `unlimited`. */
export const isLimitValue = (value: unknown): value is number | 'unlimited' => value === 'unlimited' || isCount(value);

/** What {@link isLimitValue} accepts, for a message. */
export const LIMIT_VALUE_EXPECTED = `a whole number from 0 to ${MAX_COUNT} or "unlimited"`;

/** Usual lengths, for the order alone: how long a window really is, its calendar says. */
const SECONDS_OF_UNIT: Readonly<Record<WindowUnit, number>> = {
  minute: 60,
  hour: 3_600,
  day: 86_400,
  week: 604_800,
  month: 2_592_000,
};

const secondsOf = (window: LimitWindow): number => (isSliding(window) ? window.seconds : SECONDS_OF_UNIT[window]);

/** The same limits, shortest window first, a sliding one by its seconds; those of one length keep their order. */
export function shortestFirst<L extends Limit>(limits: readonly L[]): readonly L[] {
  return limits.toSorted((a, b) => secondsOf(a.window) - secondsOf(b.window));
}

/** What a limit on a meter is called where nobody names it: after the meter and its window. */
export const nameAfter = (meter: string, window: WindowUnit): string => `${meter.replaceAll('_', '-')}-${window}`;

/** Why `name` cannot name a plan, or undefined where it can. */
export function planNameFault(name: string): string | undefined {
  const usable = name !== '' && name.length <= MAX_PLAN_NAME_LENGTH && !name.includes('\0') && name.isWellFormed();
  const got = JSON.stringify(name.slice(0, 80));
  return usable ? undefined : `expected a plan name of 1 to ${MAX_PLAN_NAME_LENGTH} characters, got ${got}`;
}
