// A tenant's setting as a body gives it: which parts have the wrong shape, which are not there yet, and what is left to check
// by the rules of the domain. All faults come together, those of the shape and those of the domain.

import type { Plans } from '../core/quota/plans.js';
import { type SettingPatch, settingFaults } from '../core/quota/setting.js';
import { type Fault, invalidRequest, notSupported } from './faults.js';
import { shown } from './requestInput.js';

/** What a body is checked against. */
export interface SettingRules {
  readonly plans: Plans;
  /** The plan that holds for the tenant where the body names none. */
  readonly planOtherwise: string;
  /** Whether null returns a value to its default: in PATCH. In PUT what is left out does. */
  readonly nullable: boolean;
}

/** The fields of a body, of any type yet. Others have been refused before. */
export type SettingFields = Readonly<Partial<Record<'plan' | 'limits' | 'timeZone' | 'billingAnchorDay', unknown>>>;

/**
 * The change that `fields` ask for.
 * @param shape faults found before, told together with those found here
 * @throws TallygateError `invalid_request` with all faults, `not_supported` where the only fault is a limit with `until`
 */
export function settingPatchOf(fields: SettingFields, rules: SettingRules, shape: readonly Fault[]): SettingPatch {
  const faults: Fault[] = [...shape];
  const later: string[] = [];
  const patch: SettingPatch = {
    plan: typed(fields.plan, 'plan', 'string', { rules, faults }),
    limits: limitsOf(fields.limits, { rules, faults, later }),
    timeZone: typed(fields.timeZone, 'timeZone', 'string', { rules, faults }),
    billingAnchorDay: typed(fields.billingAnchorDay, 'billingAnchorDay', 'number', { rules, faults }),
  };
  for (const fault of settingFaults(patch, rules.plans, rules.planOtherwise))
    faults.push({ ...fault, location: `body.${fault.location}` });
  if (faults.length > 0) throw invalidRequest([...faults, ...later.map(laterFault)]);
  if (later[0] !== undefined) throw notSupported(later[0], LATER);
  return patch;
}

const LATER = 'overrides with an end (until) are not supported yet; set a number, and end it by PATCH with null';
const laterFault = (location: string): Fault => ({ location, message: LATER });

interface TypeByName {
  string: string;
  number: number;
}

/** The value where it has the type, or is a null that may be; otherwise undefined, and a fault. */
function typed<Name extends keyof TypeByName>(
  value: unknown,
  name: string,
  type: Name,
  { rules, faults }: { rules: SettingRules; faults: Fault[] },
): TypeByName[Name] | null | undefined;
function typed(
  value: unknown,
  name: string,
  type: keyof TypeByName,
  { rules, faults }: { rules: SettingRules; faults: Fault[] },
): string | number | null | undefined {
  if (value === undefined || (value === null && rules.nullable)) return value;
  if (typeof value === type && (typeof value === 'string' || typeof value === 'number')) return value;
  const expected = type === 'string' ? 'a text' : 'a number';
  faults.push({ location: `body.${name}`, message: `expected ${expected}, got ${shown(value)}` });
  return undefined;
}

type LimitChange = number | 'unlimited' | null;

function limitsOf(
  value: unknown,
  { rules, faults, later }: { rules: SettingRules; faults: Fault[]; later: string[] },
): Record<string, LimitChange> | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    faults.push({ location: 'body.limits', message: `expected an object of limit names, got ${shown(value)}` });
    return undefined;
  }
  const entries: [string, LimitChange][] = [];
  for (const [name, limit] of Object.entries(value) as [string, unknown][]) {
    const location = `body.limits.${name}`;
    if (isLimitChange(limit, rules.nullable)) entries.push([name, limit]);
    else if (typeof limit === 'object' && limit !== null && Object.hasOwn(limit, 'until')) later.push(location);
    else faults.push({ location, message: `expected a whole number from 0 up or "unlimited", got ${shown(limit)}` });
  }
  // fromEntries defines properties: a limit that is called __proto__ is one more unknown name, and no prototype.
  return Object.fromEntries(entries);
}

/** Of the right type; whether the number is a limit's is for the domain to say. */
const isLimitChange = (value: unknown, nullable: boolean): value is LimitChange =>
  typeof value === 'number' || value === 'unlimited' || (nullable && value === null);
