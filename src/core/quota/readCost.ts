// A cost as an app or a client gives it: a number of the quota's own units, or amounts by meter.
import type { Fault } from '../errors.js';
import type { Meters } from '../meter.js';
import { isLook, type MeterCost, NO_METER_COSTS, type RequestCost } from './cost.js';
import { isCount, MAX_COUNT } from './limit.js';

/**
 * What a request costs: whole own units from 0 to 2^53-1, or amounts by meter. `units` are the quota's own; what is left out costs 0.
 * @example
 * { units: 1, tokens: 500 }
 */
export type Cost = number | Readonly<Record<string, number>>;

/** What came of reading a cost: usable where `faults` is empty. */
export interface ReadCost extends RequestCost {
  readonly faults: readonly Fault[];
}

/** The name under which a cost by meter has the quota's own units. */
const UNITS = 'units';

/**
 * Reads a cost. Every fault is found: an unknown meter, a level, an amount that is none.
 * @param location where it stood: a fault's location begins with it
 */
export function readCost(value: unknown, meters: Meters, location: string): ReadCost {
  if (isCount(value)) return { cost: value, meterCosts: NO_METER_COSTS, faults: NO_FAULTS };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const expected = meters.size === 0 ? WHOLE : `${WHOLE}, or amounts by meter such as { units: 1, tokens: 500 }`;
    return {
      cost: 0,
      meterCosts: NO_METER_COSTS,
      faults: [{ location, message: `expected ${expected}, got ${shown(value)}` }],
    };
  }
  const faults: Fault[] = [];
  const meterCosts: MeterCost[] = [];
  let cost = 0;
  for (const [meter, units] of Object.entries(value)) {
    const fault = meter === UNITS ? undefined : meterFault(meter, meters);
    if (fault !== undefined) faults.push({ location: `${location}.${meter.slice(0, 64)}`, message: fault });
    else if (!isCount(units))
      faults.push({ location: `${location}.${meter}`, message: `expected ${WHOLE}, got ${shown(units)}` });
    else if (meter === UNITS) cost = units;
    else if (units > 0) meterCosts.push({ meter, units });
  }
  return { cost, meterCosts, faults };
}

/** Reads the estimate of a reservation: a cost that is not 0. */
export function readEstimate(value: unknown, meters: Meters, location: string): ReadCost {
  const read = readCost(value, meters, location);
  if (read.faults.length > 0 || !isLook(read)) return read;
  const expected = typeof value === 'number' ? `a whole number from 1 to ${MAX_COUNT}` : 'at least one amount above 0';
  return { ...read, faults: [{ location, message: `expected ${expected}, got ${shown(value)}` }] };
}

/** Why nothing can be charged to a meter of that name; undefined where it can. */
export function meterFault(name: string, meters: Meters): string | undefined {
  const meter = meters.get(name);
  if (meter?.kind === 'counter') return undefined;
  if (meter?.kind === 'level') return `${name} is a level: only counters can be charged`;
  const counters = [...meters].filter(([, { kind }]) => kind === 'counter').map(([known]) => known);
  return counters.length === 0
    ? 'unknown meter: no counter is declared'
    : `unknown meter: expected one of ${counters.join(', ')}`;
}

const NO_FAULTS: readonly Fault[] = [];
const WHOLE = `a whole number from 0 to ${MAX_COUNT}`;

function shown(value: unknown): string {
  // A text in quotes, or "5" would read as if 5 were refused.
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (typeof value === 'object') return value === null ? 'null' : Array.isArray(value) ? 'a list' : 'an object';
  return String(value);
}
