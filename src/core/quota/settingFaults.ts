// What is wrong with a change of a tenant's setting: every fault at once, each by its path (`limits.day`), with what is allowed.
import type { Fault } from '../errors.js';
import { isTimeZone } from '../time/calendar.js';
import { WINDOW_UNITS } from './limit.js';
import { isLimitValue, isWindowUnit, LIMIT_VALUE_EXPECTED, type Plans } from './plans.js';
import { type ChangeMoment, endOf, type LimitChange, type SettingPatch } from './setting.js';

/** What a change is held to. */
export interface SettingRules {
  readonly plans: Plans;
  /** The plan that holds once the change is made: its limits can be overridden. */
  readonly planAfter: string;
  /** When the change is made; without it nobody can say whether an end lies in the past. */
  readonly moment?: ChangeMoment;
}

/** All that is wrong with `patch`; none: it can be made. */
export function settingFaults(patch: SettingPatch, rules: SettingRules): Fault[] {
  const faults: Fault[] = [];
  const say = (location: string, message: string) => faults.push({ location, message });
  if (typeof patch.plan === 'string' && !rules.plans.has(patch.plan)) {
    say('plan', `expected one of ${[...rules.plans.keys()].join(', ')}, got "${patch.plan}"`);
  }
  for (const [name, change] of Object.entries(patch.limits ?? {})) {
    if (!isKnownLimit(name, change, rules)) {
      const planned = rules.plans.get(rules.planAfter) ?? [];
      const names = [...new Set([...WINDOW_UNITS, ...planned.map((one) => one.name)])];
      say(`limits.${name}`, `expected one of the limits ${names.join(', ')}`);
    }
    faults.push(...changeFaults(`limits.${name}`, change, rules.moment));
  }
  if (typeof patch.timeZone === 'string' && !isTimeZone(patch.timeZone)) {
    say('timeZone', `expected an IANA time zone such as "Europe/Berlin", got "${patch.timeZone}"`);
  }
  const anchor = patch.billingAnchorDay;
  if (typeof anchor === 'number' && !(Number.isInteger(anchor) && anchor >= 1 && anchor <= 31)) {
    say('billingAnchorDay', `expected a day of the month from 1 to 31, got ${anchor}`);
  }
  return faults;
}

/** An override that waits for another plan can be ended, too. */
function isKnownLimit(name: string, change: LimitChange, { plans, planAfter }: SettingRules): boolean {
  const nameable = change === null ? [...plans.values()].flat() : (plans.get(planAfter) ?? []);
  return isWindowUnit(name) || nameable.some((one) => one.name === name);
}

const UNTIL_EXPECTED = 'an instant such as "2027-01-31T00:00:00Z" or a date such as "2027-01-31"';

function changeFaults(location: string, change: LimitChange, moment: ChangeMoment | undefined): Fault[] {
  if (change === null) return [];
  if (typeof change !== 'object') return numberFaults(location, change);
  const faults = numberFaults(`${location}.limit`, change.limit);
  const endMs = endOf(change.until, moment ?? ANY_MOMENT);
  const expected =
    endMs === undefined ? UNTIL_EXPECTED : isPast(endMs, moment) ? 'an instant that is to come' : undefined;
  if (expected === undefined) return faults;
  return [
    ...faults,
    { location: `${location}.until`, message: `expected ${expected}, got "${change.until.slice(0, 80)}"` },
  ];
}

const numberFaults = (location: string, limit: number | 'unlimited'): Fault[] =>
  isLimitValue(limit) ? [] : [{ location, message: `expected ${LIMIT_VALUE_EXPECTED}, got ${limit}` }];

const isPast = (endMs: number, moment: ChangeMoment | undefined): boolean =>
  moment !== undefined && endMs <= moment.nowMs;

/** For the question whether something is an end at all. */
const ANY_MOMENT: ChangeMoment = {
  nowMs: Number.POSITIVE_INFINITY,
  calendar: { timeZone: 'UTC', billingAnchorDay: 1, earlier: [] },
};

/** Why `reason` cannot be that of a reset, or undefined where it can. */
export const reasonFault = (reason: unknown): string | undefined => textFault(reason, 'a reason', 500);

/** All that is wrong with a reset. */
export function resetFaults({ reason, author }: { readonly reason: unknown; readonly author: unknown }): Fault[] {
  const messages = { reason: reasonFault(reason), author: textFault(author, 'a name', 256) };
  return Object.entries(messages).flatMap(([location, message]) =>
    message === undefined ? [] : [{ location, message }],
  );
}

function textFault(value: unknown, what: string, most: number): string | undefined {
  const expected = `expected ${what} of 1 to ${most} characters`;
  if (typeof value !== 'string')
    return `${expected}, got ${value === undefined ? 'nothing' : `a value of type ${typeof value}`}`;
  const length = [...value].length;
  if (length > most) return `${expected}, got ${length} of them`;
  if (value.trim() === '') return `${expected}, got ${length === 0 ? 'an empty text' : 'blanks'}`;
  return value.includes('\0') || !value.isWellFormed() ? `${expected}, without NUL and lone surrogates` : undefined;
}
