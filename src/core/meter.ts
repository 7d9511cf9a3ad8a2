// What can be metered beside API calls, storage and active users: the meters that a team declares for itself.
import type { Fault } from './errors.js';

/** `counter`: amounts that add up (tokens, rows). `level`: a state that holds until the next one (seats), averaged over time. */
export type MeterKind = 'counter' | 'level';

/** A meter of the team's own. */
export interface Meter {
  readonly kind: MeterKind;
  /** What one of it is, in the singular, for people and invoices: `token`. 1 to 32 characters. */
  readonly unit: string;
}

/** Declared meters by name. */
export type Meters = ReadonlyMap<string, Meter>;

/** What a meter's name looks like. Short enough that a limit can be named after it and its window: `tokens-minute`. */
export const METER_NAME_PATTERN = /^[a-z][a-z0-9_]{0,24}$/;

/** The meter of API calls. */
export const API_CALLS = 'api_calls';

/** Names that are taken: the meters that are always there, and `units`, the quota's own. */
export const RESERVED_METERS: readonly string[] = [API_CALLS, 'storage_bytes', 'active_users', 'units'];

/** The quota's own units, where a meter is named: as the ledger has them. */
export const OWN_UNITS = '';

/** Most meters of one installation. */
export const MAX_METERS = 32;

const MAX_UNIT_LENGTH = 32;

/** Why these cannot be the meters of an installation: `meters.tokens.kind: expected ...`. Empty where they can. */
export function meterFaults(meters: unknown): Fault[] {
  if (typeof meters !== 'object' || meters === null || Array.isArray(meters)) {
    return [
      { location: 'meters', message: 'expected an object such as { tokens: { kind: "counter", unit: "token" } }' },
    ];
  }
  const entries = Object.entries(meters);
  const faults = entries.flatMap(([name, meter]) => faultsOf(name, meter));
  if (entries.length > MAX_METERS) {
    faults.push({ location: 'meters', message: `expected at most ${MAX_METERS} meters, got ${entries.length}` });
  }
  return faults;
}

function faultsOf(name: string, meter: unknown): Fault[] {
  const location = `meters.${name.slice(0, 64)}`;
  if (RESERVED_METERS.includes(name)) return [{ location, message: `expected another name: ${name} is always there` }];
  if (!METER_NAME_PATTERN.test(name)) {
    return [
      { location, message: `expected a name of small letters, digits and _, 1 to 25 characters, a letter first` },
    ];
  }
  if (typeof meter !== 'object' || meter === null) {
    return [{ location, message: 'expected an object such as { kind: "counter", unit: "token" }' }];
  }
  const { kind, unit, ...rest } = meter as Record<string, unknown>;
  const faults: Fault[] = Object.keys(rest).map((key) => ({
    location: `${location}.${key}`,
    message: 'unknown: expected kind and unit',
  }));
  if (kind !== 'counter' && kind !== 'level') {
    faults.push({
      location: `${location}.kind`,
      message: `expected "counter" or "level", got ${JSON.stringify(kind) ?? 'none'}`,
    });
  }
  if (
    typeof unit !== 'string' ||
    unit.length === 0 ||
    unit.length > MAX_UNIT_LENGTH ||
    !unit.isWellFormed() ||
    unit.includes('\0')
  ) {
    faults.push({
      location: `${location}.unit`,
      message: `expected the name of one of it, 1 to ${MAX_UNIT_LENGTH} characters`,
    });
  }
  return faults;
}
