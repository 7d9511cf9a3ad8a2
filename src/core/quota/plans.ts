// Plans: named sets of limits. Which ones exist without any configuration, and what a plan that an app or the environment
// gives must look like. Every fault of a plan is found, not the first alone.
import type { Fault } from '../errors.js';
import { isCount, LIMIT_NAME_PATTERN, type Limit, MAX_COUNT, WINDOW_UNITS, type WindowUnit } from './limit.js';

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

/** The same limits, shortest window first; those of one window keep their order. */
export function shortestFirst<L extends Limit>(limits: readonly L[]): readonly L[] {
  return limits.toSorted((a, b) => WINDOW_UNITS.indexOf(a.window) - WINDOW_UNITS.indexOf(b.window));
}

/** What came of reading plans: usable where `faults` is empty. */
export interface ReadPlans {
  readonly plans: Plans;
  readonly faults: readonly Fault[];
}

/**
 * Reads plans as an app's code gives them: an object or Map of plan name to an array of limits. The caller's object is not
 * changed and not kept. A fault's location is a path from `path` on: `plans.free[0].limit`.
 */
export function readPlans(value: unknown, path: string): ReadPlans {
  const faults: Fault[] = [];
  const plans = new Map<string, readonly Limit[]>();
  const entries = entriesOf(value);
  if (entries === undefined || entries.length === 0) {
    faults.push({ location: path, message: `expected an object of plan name to limits, got ${shown(value)}` });
    return { plans, faults };
  }
  for (const [name, limits] of entries) {
    const location = `${path}.${name}`;
    const nameFault = planNameFault(name);
    if (nameFault !== undefined) faults.push({ location, message: nameFault });
    plans.set(name, readLimits(limits, location, faults));
  }
  return { plans, faults };
}

/** Why `name` cannot name a plan, or undefined where it can. */
export function planNameFault(name: string): string | undefined {
  const usable = name !== '' && name.length <= MAX_PLAN_NAME_LENGTH && !name.includes('\0') && name.isWellFormed();
  return usable ? undefined : `expected a plan name of 1 to ${MAX_PLAN_NAME_LENGTH} characters, got ${shown(name)}`;
}

function entriesOf(value: unknown): [string, unknown][] | undefined {
  if (value instanceof Map) return [...value.entries()].map(([name, limits]) => [String(name), limits]);
  return isRecord(value) ? Object.entries(value) : undefined;
}

function readLimits(value: unknown, path: string, faults: Fault[]): readonly Limit[] {
  if (!Array.isArray(value) || value.length > MAX_LIMITS_PER_PLAN) {
    faults.push({ location: path, message: `expected at most ${MAX_LIMITS_PER_PLAN} limits, got ${shown(value)}` });
    return [];
  }
  const limits: Limit[] = [];
  const seen = new Set<string>();
  value.forEach((entry: unknown, index) => {
    const location = `${path}[${index}]`;
    const limit = readLimit(entry, location, faults);
    if (limit === undefined) return;
    if (seen.has(limit.name)) faults.push({ location: `${location}.name`, message: `"${limit.name}" is there twice` });
    seen.add(limit.name);
    limits.push(limit);
  });
  return shortestFirst(limits);
}

const LIMIT_FIELDS = ['name', 'limit', 'window'];

function readLimit(value: unknown, path: string, faults: Fault[]): Limit | undefined {
  if (!isRecord(value)) {
    faults.push({ location: path, message: `expected { name, limit, window }, got ${shown(value)}` });
    return undefined;
  }
  const before = faults.length;
  const refuse = (field: string, expected: string) =>
    faults.push({ location: `${path}.${field}`, message: `expected ${expected}, got ${shown(value[field])}` });
  // Fields of later versions (meter, enforce, sliding windows) must not be read as if they held: silence would bill wrongly.
  for (const field of Object.keys(value).filter((key) => !LIMIT_FIELDS.includes(key)))
    faults.push({ location: `${path}.${field}`, message: 'this version knows only name, limit and window' });
  const { name, limit, window } = value;
  if (typeof name !== 'string' || !LIMIT_NAME_PATTERN.test(name)) refuse('name', 'a name such as "per-export"');
  if (!isLimitValue(limit)) refuse('limit', LIMIT_VALUE_EXPECTED);
  if (!isWindowUnit(window)) refuse('window', `one of ${WINDOW_UNITS.join(', ')}`);
  else if (isWindowUnit(name) && name !== window) refuse('window', `"${name}", as the limit has that window's name`);
  if (faults.length > before || typeof name !== 'string' || !isLimitValue(limit) || !isWindowUnit(window))
    return undefined;
  return { name, limit, window };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (Array.isArray(value)) return `${value.length} of them`;
  return typeof value === 'object' ? (value === null ? 'null' : 'an object') : String(value);
}
