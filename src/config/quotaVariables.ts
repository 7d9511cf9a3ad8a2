// QUOTA_<PLAN>_PER_<WINDOW> and QUOTA_<PLAN>_PER_<WINDOW>_<METER>: plans from the environment, laid over the default ones; and QUOTA_
// names that mean nothing.

import type { Meters } from '../core/meter.js';
import { type Limit, MAX_COUNT, WINDOW_UNITS, type WindowUnit } from '../core/quota/limit.js';
import {
  DEFAULT_PLANS,
  isWindowUnit,
  nameAfter,
  type Plans,
  planNameFault,
  shortestFirst,
} from '../core/quota/plans.js';
import { meterFault } from '../core/quota/readCost.js';
import { type Environment, type EnvironmentReader, wholeNumber } from './environment.js';
import { nearestName } from './nearestName.js';

/** The QUOTA_ variables that are no plan's. */
export const QUOTA_VARIABLES = [
  'QUOTA_DEFAULT_PLAN',
  'QUOTA_MODE',
  'QUOTA_ON_STORE_ERROR',
  'QUOTA_STORE_TIMEOUT_MS',
  'QUOTA_ENFORCE',
  'QUOTA_HEADERS',
] as const;

/** Most plans that an environment may define. */
const MAX_PLANS = 1_000;

// Greedy, so that the last _PER_ divides: a plan may have PER in its name.
const PLAN_VARIABLE = /^QUOTA_([A-Z0-9][A-Z0-9_]*)_PER_(MINUTE|HOUR|DAY|WEEK|MONTH)(?:_([A-Z][A-Z0-9_]*))?$/;

/**
 * The plans of an environment. What is not set keeps the plan's default; a plan without defaults has only what is set.
 * Names of plans are in small letters: `QUOTA_BIG_TEAM_PER_DAY` is the day limit of plan `big_team`, `QUOTA_PRO_PER_DAY_TOKENS` that of
 * plan `pro` on the meter `tokens`, by the name `tokens-day`.
 */
export function readPlanVariables(env: Environment, reader: EnvironmentReader, meters: Meters): Plans {
  const plans = new Map(DEFAULT_PLANS);
  for (const name of Object.keys(env).sort()) {
    const value = name.startsWith('QUOTA_') ? reader.text(name) : undefined;
    if (value === undefined || QUOTA_VARIABLES.some((known) => known === name)) continue;
    const parts = planVariable(name);
    if (parts === undefined) refuseUnknown(name, env, reader);
    else addLimit(plans, parts, { name, value, reader, meters });
  }
  if (plans.size > MAX_PLANS) reader.fault('QUOTA_*', `expected at most ${MAX_PLANS} plans, got ${plans.size}`);
  return plans;
}

interface PlanVariable {
  readonly plan: string;
  readonly window: WindowUnit;
  readonly meter: string | undefined;
}

function planVariable(name: string): PlanVariable | undefined {
  const [, plan, unit, counted] = PLAN_VARIABLE.exec(name) ?? [];
  const window = unit?.toLowerCase();
  const meter = counted?.toLowerCase();
  return plan === undefined || !isWindowUnit(window) ? undefined : { plan: plan.toLowerCase(), window, meter };
}

function addLimit(
  plans: Map<string, readonly Limit[]>,
  { plan, window, meter }: PlanVariable,
  { name, value, reader, meters }: { name: string; value: string; reader: EnvironmentReader; meters: Meters },
): void {
  const nameFault = planNameFault(plan);
  const limit = value === 'unlimited' ? value : wholeNumber(value);
  const unknownMeter = meter === undefined ? undefined : meterFault(meter, meters);
  if (nameFault !== undefined) reader.fault(name, nameFault);
  else if (unknownMeter !== undefined) reader.fault(name, `${unknownMeter} (USAGE_METERS declares them)`);
  else if (limit === undefined)
    reader.expected(name, `a whole number from 0 up (at most ${MAX_COUNT}) or "unlimited"`, value);
  else {
    const others = (plans.get(plan) ?? []).filter((one) => one.window !== window || one.meter !== meter);
    const own = meter === undefined ? { name: window } : { name: nameAfter(meter, window), meter };
    plans.set(plan, shortestFirst([...others, { ...own, limit, window }]));
  }
}

/** A mistyped quota would otherwise be a quota that silently does not hold. */
function refuseUnknown(name: string, env: Environment, reader: EnvironmentReader): void {
  const plans = new Set([...DEFAULT_PLANS.keys(), ...Object.keys(env).flatMap((key) => planVariable(key)?.plan ?? [])]);
  const windows = [...plans].flatMap((plan) => WINDOW_UNITS.map((unit) => `QUOTA_${plan}_PER_${unit}`.toUpperCase()));
  const nearest = nearestName(name, [...QUOTA_VARIABLES, ...windows]);
  const hint = nearest === undefined ? 'plans are QUOTA_<PLAN>_PER_<WINDOW>' : `did you mean ${nearest}?`;
  reader.fault(name, `expected a known QUOTA_ variable, got an unknown one; ${hint}`);
}
