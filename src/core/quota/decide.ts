// From the store's answer to a decision: the one place where windows and counts become limits and figures again.
import { dateAt, type TenantCalendar, type UsageDate } from '../time/calendar.js';
import type { CountedWindow, DecidedReply } from './chargeReply.js';
import { type MeterCost, NO_COST, NO_METER_COSTS, type RequestCost } from './cost.js';
import { type Decision, type LimitState, limitStates, overageOf, type ThresholdCrossing } from './decision.js';
import type { EffectiveLimit } from './limit.js';
import { type KeyedRequest, keyedBooking, type RememberedAdmission } from './remembered.js';
import { isFixedWindow, type WindowPlan } from './windows.js';

/** What is decided about, and by which settings. */
export interface DecidedRequest extends RequestCost {
  readonly tenantId: string;
  readonly limits: readonly EffectiveLimit[];
  readonly calendar: TenantCalendar;
  readonly settingsVersion: number;
  readonly isReservation: boolean;
  readonly keyed?: KeyedRequest | undefined;
}

/** Where the windows of a plan stood before a cost, and when that was. */
export type CountedPlan = Pick<DecidedReply, 'timeMs' | 'resetNumber' | 'windows'>;

/** The decision about a cost that was granted, or not, while the plan's windows stood as `counted` says. */
export function decisionOf(
  request: DecidedRequest,
  plan: WindowPlan,
  counted: CountedPlan,
  granted: boolean,
  crossed: readonly ThresholdCrossing[] = [],
): Decision {
  const { tenantId, cost, meterCosts, settingsVersion, isReservation } = request;
  const limits = limitStates(request.limits, counted.windows, request, granted);
  return {
    outcome: granted ? 'admitted' : 'denied',
    allowed: granted,
    tenantId,
    cost,
    meterCosts,
    label: {
      decidedAtMs: counted.timeMs,
      usageDate: usageDateOf(plan, counted.windows, request.calendar),
      resetNumber: counted.resetNumber,
    },
    limits,
    exceeded: [],
    chargeUnknown: false,
    isReservation,
    overage: granted ? overageOf(limits, cost) : 0,
    meterOverages: granted ? meterOveragesOf(limits, meterCosts) : NO_METER_COSTS,
    crossed,
    settingsVersion,
    ...keyedPart(request.keyed),
  };
}

/** The decision about a request that a store answered: by this answer, or by the one that it remembers. */
export function decisionByReply(request: DecidedRequest, plan: WindowPlan, reply: DecidedReply): Decision {
  if (reply.remembered !== undefined) return repeatedDecisionOf(request, plan, reply, reply.remembered);
  return decisionOf(request, plan, reply, reply.granted[0] === true, crossingsOf(request.limits, reply));
}

/**
 * The decision about a request that was admitted before: where the limits stand now, and what the first one was charged to. Its instant
 * is the present one, by which the rest of a window is told.
 */
function repeatedDecisionOf(
  request: DecidedRequest,
  plan: WindowPlan,
  counted: CountedPlan,
  first: RememberedAdmission,
): Decision {
  const { cost, meterCosts, limits, calendar } = request;
  const now = decisionOf({ ...request, ...NO_COST }, plan, counted, true);
  // What was above soft limits, from where they stood then.
  const passed = limits.flatMap((limit, index) => {
    const before = first.passing.find(({ field }) => field === plan.windows[index]?.field);
    return before === undefined ? [] : [{ limit, window: { ...(counted.windows[index] as CountedWindow), ...before } }];
  });
  const states = limitStates(
    passed.map((one) => one.limit),
    passed.map((one) => one.window),
    request,
    true,
  );
  return {
    ...now,
    ...{ cost, meterCosts },
    label: { ...now.label, usageDate: dateOfFirst(first, calendar), resetNumber: first.resetNumber },
    overage: overageOf(states, cost),
    meterOverages: meterOveragesOf(states, meterCosts),
    ...keyedPart(request.keyed, first),
  };
}

/** The date that a remembered admission belongs to. */
export const dateOfFirst = ({ dayStart, timeMs }: RememberedAdmission, calendar: TenantCalendar): UsageDate =>
  dateAt(dayStart ?? timeMs, calendar);

/** As a part of a decision: nothing where the request came without a key. */
export const keyedPart = (keyed: KeyedRequest | undefined, first?: RememberedAdmission): Pick<Decision, 'keyed'> =>
  keyed === undefined ? {} : { keyed: keyedBooking(keyed, first) };

function meterOveragesOf(limits: readonly LimitState[], meterCosts: readonly MeterCost[]): readonly MeterCost[] {
  if (meterCosts.length === 0) return NO_METER_COSTS;
  const above = meterCosts.map(({ meter, units }) => ({ meter, units: overageOf(limits, units, meter) }));
  return above.filter(({ units }) => units > 0);
}

/** The date of the day window that was charged: every admission is booked to it, whenever its response ends. */
export function usageDateOf(plan: WindowPlan, windows: readonly CountedWindow[], calendar: TenantCalendar): UsageDate {
  const planned = plan.windows[plan.dayIndex];
  const day = windows[plan.dayIndex] as CountedWindow;
  const dates = planned !== undefined && isFixedWindow(planned) ? planned.dates : undefined;
  return dates?.[day.sent]?.first ?? dateAt(day.start, calendar);
}

/** The thresholds that a reply tells of, by the names of the limits. The day that travels unlimited has none. */
function crossingsOf(limits: readonly EffectiveLimit[], reply: DecidedReply): readonly ThresholdCrossing[] {
  return reply.crossed.flatMap(({ window, level }) => {
    const name = limits[window]?.name;
    return name === undefined ? [] : [{ name, level }];
  });
}
