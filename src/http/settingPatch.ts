// A tenant's setting as a body gives it: which parts have the wrong shape, which are not there yet, and what is left to check
// by the rules of the domain. All faults come together, those of the shape and those of the domain.

import type { Plans } from '../core/quota/plans.js';
import type { LimitChange, SettingPatch } from '../core/quota/setting.js';
import { settingFaults } from '../core/quota/settingFaults.js';
import { type Fault, invalidRequest } from './faults.js';
import { shown } from './requestInput.js';

/** What a body is checked against. */
export interface SettingRules {
  readonly plans: Plans;
  /** The plan that holds for the tenant where the body names none. */
  readonly planOtherwise: string;
  /** The plan that the app's `resolvePlan` names for the tenant: it holds whatever the body says. */
  readonly resolvedPlan: string | undefined;
  /** Whether null returns a value to its default: in PATCH. In PUT what is left out does. */
  readonly nullable: boolean;
}

/** The fields of a body, of any type yet. Others have been refused before. */
export type SettingFields = Readonly<Partial<Record<'plan' | 'limits' | 'timeZone' | 'billingAnchorDay', unknown>>>;

/**
 * The change that `fields` ask for.
 * @param shape faults found before, told together with those found here
 * @throws TallygateError `invalid_request` with all faults
 */
export function settingPatchOf(fields: SettingFields, rules: SettingRules, shape: readonly Fault[]): SettingPatch {
  const faults: Fault[] = [...shape];
  const patch: SettingPatch = {
    plan: typed(fields.plan, 'plan', 'string', { rules, faults }),
    limits: limitsOf(fields.limits, { rules, faults }),
    timeZone: typed(fields.timeZone, 'timeZone', 'string', { rules, faults }),
    billingAnchorDay: typed(fields.billingAnchorDay, 'billingAnchorDay', 'number', { rules, faults }),
  };
  const planAfter = rules.resolvedPlan ?? patch.plan ?? rules.planOtherwise;
  for (const fault of settingFaults(patch, { plans: rules.plans, planAfter }))
    faults.push({ ...fault, location: `body.${fault.location}` });
  if (faults.length > 0) throw invalidRequest(faults);
  return patch;
}

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

function limitsOf(
  value: unknown,
  { rules, faults }: { rules: SettingRules; faults: Fault[] },
): Record<string, LimitChange> | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value)) {
    faults.push({ location: 'body.limits', message: `expected an object of limit names, got ${shown(value)}` });
    return undefined;
  }
  const entries: [string, LimitChange][] = [];
  for (const [name, given] of Object.entries(value)) {
    const change = changeOf(given, `body.limits.${name}`, { rules, faults });
    if (change !== undefined) entries.push([name, change]);
  }
  // fromEntries defines properties: a limit that is called __proto__ is one more unknown name, and no prototype.
  return Object.fromEntries(entries);
}

const NUMBER_EXPECTED = 'expected a whole number from 0 up or "unlimited"';

/** Of the right type; whether the number is a limit's, and the end one that is to come, is for the domain to say. */
function changeOf(
  given: unknown,
  location: string,
  { rules, faults }: { rules: SettingRules; faults: Fault[] },
): LimitChange | undefined {
  if (isNumber(given) || (given === null && rules.nullable)) return given;
  const refuse = (where: string, message: string): undefined => void faults.push({ location: where, message });
  if (!isObject(given)) return refuse(location, `${NUMBER_EXPECTED}, got ${shown(given)}`);
  const { limit, until, ...others } = given;
  const before = faults.length;
  for (const field of Object.keys(others)) refuse(`${location}.${field}`, 'unknown field');
  if (!isNumber(limit)) refuse(`${location}.limit`, `${NUMBER_EXPECTED}, got ${shown(limit)}`);
  if (typeof until !== 'string') refuse(`${location}.until`, `expected an instant or a date, got ${shown(until)}`);
  return faults.length === before && isNumber(limit) && typeof until === 'string' ? { limit, until } : undefined;
}

const isNumber = (value: unknown): value is number | 'unlimited' => typeof value === 'number' || value === 'unlimited';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
