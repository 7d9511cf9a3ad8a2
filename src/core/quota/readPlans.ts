// Plans as an app's code gives them. Every fault is found, not the first alone, and told with the field's path and what is
// allowed there. A field that this version would not obey is one, too: read over, it would be a limit that silently does not hold.
import type { Fault } from '../errors.js';
import type { Meters } from '../meter.js';
import {
  type Enforcement,
  LIMIT_NAME_PATTERN,
  type Limit,
  type LimitWindow,
  MAX_SLIDING_SECONDS,
  WINDOW_UNITS,
} from './limit.js';
import {
  isLimitValue,
  isWindowUnit,
  LIMIT_VALUE_EXPECTED,
  MAX_LIMITS_PER_PLAN,
  nameAfter,
  type Plans,
  planNameFault,
  shortestFirst,
} from './plans.js';
import { meterFault } from './readCost.js';

/** What came of reading plans: usable where `faults` is empty. */
export interface ReadPlans {
  readonly plans: Plans;
  readonly faults: readonly Fault[];
}

/**
 * Reads plans: an object or Map of plan name to an array of limits. The caller's object is not changed and not kept.
 * A fault's location is a path from `path` on: `plans.free[0].limit`.
 * @param meters those that a limit may count. Default: none
 */
export function readPlans(value: unknown, path: string, meters: Meters = NO_METERS): ReadPlans {
  const faults: Fault[] = [];
  const plans = new Map<string, readonly Limit[]>();
  const entries = entriesOf(value);
  if (entries === undefined || entries.length === 0) {
    const got = entries === undefined ? shown(value) : 'no plan';
    faults.push({ location: path, message: `expected an object of plan name to a list of limits, got ${got}` });
    return { plans, faults };
  }
  for (const [name, limits] of entries) {
    const location = `${path}.${name}`;
    const nameFault = planNameFault(name);
    if (nameFault !== undefined) faults.push({ location, message: nameFault });
    plans.set(name, readLimits(limits, location, meters, faults));
  }
  return { plans, faults };
}

function entriesOf(value: unknown): [string, unknown][] | undefined {
  if (value instanceof Map) return [...value.entries()].map(([name, limits]) => [String(name), limits]);
  return isRecord(value) ? Object.entries(value) : undefined;
}

function readLimits(value: unknown, path: string, meters: Meters, faults: Fault[]): readonly Limit[] {
  if (!Array.isArray(value) || value.length > MAX_LIMITS_PER_PLAN) {
    faults.push({
      location: path,
      message: `expected a list of at most ${MAX_LIMITS_PER_PLAN} limits, got ${shown(value)}`,
    });
    return [];
  }
  const limits: Limit[] = [];
  const seen = new Set<string>();
  value.forEach((entry: unknown, index) => {
    const location = `${path}[${index}]`;
    const limit = readLimit(entry, location, meters, faults);
    if (limit === undefined) return;
    if (seen.has(limit.name)) faults.push({ location: `${location}.name`, message: `"${limit.name}" is there twice` });
    seen.add(limit.name);
    limits.push(limit);
  });
  return shortestFirst(limits);
}

const NO_METERS: Meters = new Map();

const LIMIT_FIELDS = ['name', 'limit', 'window', 'enforce', 'meter'];
const ENFORCEMENTS: readonly Enforcement[] = ['hard', 'soft', 'shadow'];

function readLimit(value: unknown, path: string, meters: Meters, faults: Fault[]): Limit | undefined {
  if (!isRecord(value)) {
    faults.push({ location: path, message: `expected { name, limit, window, enforce?, meter? }, got ${shown(value)}` });
    return undefined;
  }
  const before = faults.length;
  const say = (field: string, message: string) => faults.push({ location: `${path}.${field}`, message });
  for (const field of Object.keys(value).filter((key) => !LIMIT_FIELDS.includes(key)))
    say(field, `unknown: expected one of ${LIMIT_FIELDS.join(', ')}`);
  const { name, limit, enforce, meter } = value;
  if (typeof name !== 'string' || !LIMIT_NAME_PATTERN.test(name))
    say(
      'name',
      `expected a name such as "per-export" (a letter, then at most 31 of a-z, 0-9 and -), got ${shown(name)}`,
    );
  if (!isLimitValue(limit)) say('limit', `expected ${LIMIT_VALUE_EXPECTED}, got ${shown(limit)}`);
  if (enforce !== undefined && !isEnforcement(enforce))
    say('enforce', `expected one of ${ENFORCEMENTS.join(', ')}, got ${shown(enforce)}`);
  const window = readWindow(value.window, path, faults);
  if (window !== undefined && isWindowUnit(name) && name !== window)
    say('window', `expected "${name}", as the limit has that window's name, got ${shown(value.window)}`);
  const counted = readMeter(meter, meters, (message) => say('meter', message));
  if (counted !== undefined && isWindowUnit(name))
    say(
      'name',
      `expected a name of its own such as "${nameAfter(counted, name)}": "${name}" counts the quota's own units`,
    );
  if (faults.length > before || window === undefined || typeof name !== 'string' || !isLimitValue(limit))
    return undefined;
  const more = { ...(isEnforcement(enforce) ? { enforce } : {}), ...(counted === undefined ? {} : { meter: counted }) };
  return { name, limit, window, ...more };
}

/** The counter that a limit names; undefined: own units, or a fault. */
function readMeter(value: unknown, meters: Meters, say: (message: string) => void): string | undefined {
  if (value === undefined) return undefined;
  const fault =
    typeof value === 'string' ? meterFault(value, meters) : `expected the name of a meter, got ${shown(value)}`;
  if (fault !== undefined) say(fault);
  return fault === undefined ? (value as string) : undefined;
}

const isEnforcement = (value: unknown): value is Enforcement => ENFORCEMENTS.some((one) => one === value);

const SECONDS_EXPECTED = `a whole number from 1 to ${MAX_SLIDING_SECONDS}`;

function readWindow(value: unknown, path: string, faults: Fault[]): LimitWindow | undefined {
  const refuse = (field: string, expected: string, got: unknown): undefined => {
    faults.push({ location: `${path}.${field}`, message: `expected ${expected}, got ${shown(got)}` });
  };
  if (isWindowUnit(value)) return value;
  if (!isRecord(value)) return refuse('window', `one of ${WINDOW_UNITS.join(', ')}, or { seconds }`, value);
  const [unknown] = Object.keys(value).filter((key) => key !== 'seconds');
  if (unknown !== undefined) return refuse(`window.${unknown}`, 'seconds alone', value[unknown]);
  const { seconds } = value;
  const usable = typeof seconds === 'number' && Number.isInteger(seconds) && seconds >= 1;
  if (!usable || seconds > MAX_SLIDING_SECONDS) return refuse('window.seconds', SECONDS_EXPECTED, seconds);
  return { seconds };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (Array.isArray(value)) return `${value.length} of them`;
  return typeof value === 'object' ? (value === null ? 'null' : 'an object') : String(value);
}
