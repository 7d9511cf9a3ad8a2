// A closed month: what was reported of it then, beside what is reported now. The difference is what arrived later.
import type { Fault } from '../errors.js';
import {
  addDays,
  isUsageDate,
  monthLength,
  periodAt,
  startOfDate,
  type TenantCalendar,
  type UsageDate,
} from '../time/calendar.js';
import type { Completeness } from './completeness.js';
import type { UsagePeriod } from './usagePeriod.js';
import type { UsageFigures, UsageReport, UsageReportDay } from './usageReport.js';

/** What changed in a figure. */
export interface FigureChanges {
  readonly apiCalls: number;
  readonly storageBytes: number;
  readonly activeUsers: number;
  /** Of the team's own, where there are any. */
  readonly meters?: Readonly<Record<string, number>>;
  /** Of what was above soft limits, where there was any. */
  readonly overage?: Readonly<Record<string, number>>;
}

/** A day on which something arrived later. */
export interface LateDay {
  readonly date: UsageDate;
  readonly asInvoiced: UsageFigures;
  readonly now: UsageFigures;
}

/** The body of `GET /api/admin/usage/:tenantId/periods/:month`. */
export interface MonthReport {
  readonly tenantId: string;
  readonly month: string;
  /** When it was closed (ISO 8601 in UTC) and by whom; null as long as it is open, and so are the next two. */
  readonly closed: {
    readonly at: string;
    readonly author: string;
    /** Whether all of it was there then; left out of months that were closed before this was kept. */
    readonly complete?: boolean;
  } | null;
  /** What was reported when it was closed: it never changes. */
  readonly asInvoiced: Pick<UsageReport, 'totals' | 'daily' | 'asOf'> | null;
  /** What has arrived since: `now` less `asInvoiced`. */
  readonly since: { readonly totals: FigureChanges; readonly days: readonly LateDay[] } | null;
  /** What is reported now. */
  readonly now: UsageFigures;
  /** Present where the tenant is billed by other months than those of the calendar: its billing months that the month touches. */
  readonly billingMonths?: readonly UsagePeriod[];
}

/** A report as it is kept. */
export type ClosedReport = UsageReport & Partial<Completeness>;

/** The tenant's billing months that touch the days of a calendar month; undefined where it is itself one. */
export function billingMonthsOf(
  { from, to }: UsagePeriod,
  calendar: TenantCalendar,
): readonly UsagePeriod[] | undefined {
  const months: UsagePeriod[] = [];
  for (let date = from; date <= to; date = addDays(months.at(-1)?.to ?? to, 1)) {
    const { firstDate, lastDate } = periodAt('month', startOfDate(date, calendar), calendar);
    months.push({ from: firstDate, to: lastDate });
  }
  const [only] = months;
  return months.length === 1 && only?.from === from && only.to === to ? undefined : months;
}

/** What is wrong with a month that is to be closed or shown. `today`: the tenant's date. */
export function monthFault(month: string, today: UsageDate): Fault | undefined {
  const { to } = daysOfMonth(month) ?? {};
  const shown = JSON.stringify(month.slice(0, 40));
  if (to === undefined) return { location: 'month', message: `expected a month YYYY-MM, got ${shown}` };
  if (to < today) return undefined;
  return { location: 'month', message: `expected a month that is over, got ${shown} on ${today}` };
}

/** The days of a month, undefined where the text names none. */
export function daysOfMonth(month: string): UsagePeriod | undefined {
  const from = `${month}-01`;
  if (!isUsageDate(from)) return undefined;
  return { from, to: `${month}-${monthLength(Number(month.slice(0, 4)), Number(month.slice(5)))}` };
}

export function monthReport(
  month: string,
  now: UsageReport,
  closed: { readonly closedAtMs: number; readonly author: string; readonly report: ClosedReport } | undefined,
): MonthReport {
  const { tenantId, totals } = now;
  if (closed === undefined) return { tenantId, month, closed: null, asInvoiced: null, since: null, now: totals };
  const { report, author, closedAtMs } = closed;
  return {
    tenantId,
    month,
    closed: {
      ...{ at: new Date(closedAtMs).toISOString(), author },
      ...(report.complete === undefined ? {} : { complete: report.complete }),
    },
    asInvoiced: { totals: report.totals, daily: report.daily, asOf: report.asOf },
    since: { totals: changes(report.totals, totals), days: lateDays(report.daily, now.daily) },
    now: totals,
  };
}

const changes = (before: UsageFigures, now: UsageFigures): FigureChanges => ({
  apiCalls: now.apiCalls - before.apiCalls,
  storageBytes: now.storageBytes - before.storageBytes,
  activeUsers: now.activeUsers - before.activeUsers,
  ...namedChanges('meters', before, now),
  ...namedChanges('overage', before, now),
});

/** Of every name that one of the two has: a report that was kept before there were meters has none. */
function namedChanges(
  what: 'meters' | 'overage',
  before: UsageFigures,
  now: UsageFigures,
): Pick<FigureChanges, 'meters' | 'overage'> {
  const [earlier, later] = [before[what] ?? {}, now[what] ?? {}];
  const names = [...new Set([...Object.keys(earlier), ...Object.keys(later)])];
  if (names.length === 0) return {};
  const changesByName = names.map((name) => [name, numberOf(later, name) - numberOf(earlier, name)] as const);
  return { [what]: Object.fromEntries(changesByName) };
}

const numberOf = (figures: Readonly<Record<string, number>>, name: string): number =>
  Object.hasOwn(figures, name) ? (figures[name] ?? 0) : 0;

function lateDays(before: readonly UsageReportDay[], now: readonly UsageReportDay[]): LateDay[] {
  const then = new Map(before.map((day) => [day.date, day]));
  return now.flatMap((day) => {
    const earlier = then.get(day.date);
    if (earlier === undefined || !isChanged(earlier, day)) return [];
    return [{ date: day.date, asInvoiced: figuresOf(earlier), now: figuresOf(day) }];
  });
}

/** Corrections that cancel out, or that a day below 0 does not show, are a change too. */
const isChanged = (before: UsageFigures, now: UsageFigures): boolean =>
  before.apiCalls !== now.apiCalls ||
  before.storageBytes !== now.storageBytes ||
  before.activeUsers !== now.activeUsers ||
  before.storageCoverage !== now.storageCoverage ||
  before.adjustments?.apiCalls.recorded !== now.adjustments?.apiCalls.recorded ||
  before.adjustments?.apiCalls.delta !== now.adjustments?.apiCalls.delta ||
  areMetersChanged(before, now);

/** A meter of which nothing was known then and nothing is known now is no change. A kept report has its members in another order. */
const areMetersChanged = (before: UsageFigures, now: UsageFigures): boolean =>
  isAnyOther(changes(before, now).meters) ||
  isAnyOther(changes(before, now).overage) ||
  inOneOrder(before.meterAdjustments) !== inOneOrder(now.meterAdjustments) ||
  inOneOrder(knownLevels(before)) !== inOneOrder(knownLevels(now));

/** Of each name its members, all of them sorted. */
const inOneOrder = (named: Readonly<Record<string, object>> = {}): string =>
  Object.entries(named)
    .flatMap(([name, members]) => Object.entries(members).map(([member, value]) => `${name}.${member}=${value}`))
    .sort()
    .join();

const isAnyOther = (named: Readonly<Record<string, number>> = {}): boolean =>
  Object.values(named).some((change) => change !== 0);

const knownLevels = ({ levels = {} }: UsageFigures): Readonly<Record<string, object>> =>
  Object.fromEntries(Object.entries(levels).filter(([, { coverage }]) => coverage > 0));

const figuresOf = ({ date: _, ...figures }: UsageReportDay): UsageFigures => figures;
