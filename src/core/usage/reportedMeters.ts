// The team's own meters in a report: what each came to by day and in total, and what was above soft limits. A meter that is in the ledger
// is shown, declared or not: nothing that was billed disappears.
import { API_CALLS, type MeterKind, type Meters, OWN_UNITS } from '../meter.js';
import { saturatingSum } from '../quota/counter.js';
import { MAX_COUNT } from '../quota/limit.js';
import type { TenantCalendar, UsageDate } from '../time/calendar.js';
import { type AdjustedFigure, type AdjustmentSum, adjustedFigure, shownOf } from './adjustments.js';
import {
  addHeld,
  averageOf,
  coverageOf,
  fineAverageOf,
  type HeldStorage,
  NOTHING_HELD,
  storageOfDates,
} from './reportedStorage.js';
import type { StorageDay, StoragePoint } from './storageIntegral.js';

/** A level over a day or a period. */
export interface LevelFigures {
  /** Over the covered time, to three decimals; beside it `meters` has it as a whole number. 0 where nothing is known. */
  readonly average: number;
  /** The highest level, the one carried in included. */
  readonly peak: number;
  /** The last level that was known. */
  readonly last: number;
  /** For which part of the time, 0 to 1, a level is known: 0 is no data. */
  readonly coverage: number;
}

/** Own meters over a day or a period. By name; each member is present where there is anything to say. */
export interface MeterFigures {
  /** Every meter that is declared or in the ledger. Of a counter the sum, of a level the average to the nearest whole. */
  readonly meters?: Readonly<Record<string, number>>;
  /** More of the levels among them. */
  readonly levels?: Readonly<Record<string, LevelFigures>>;
  /** Units that soft limits let pass above them, where there were any: part of what was used. `units` are the quota's own. */
  readonly overage?: Readonly<Record<string, number>>;
  /** Where a counter was corrected: what was recorded, and what the corrections add. */
  readonly meterAdjustments?: Readonly<Record<string, AdjustedFigure>>;
}

/** What a reported meter is. */
export interface ReportedMeter {
  readonly kind: MeterKind;
  /** Absent where the meter is in the ledger and not declared any more. */
  readonly unit?: string;
}

/** What a ledger knows of the meters of some dates (`LedgerUsage` of the port has this shape). */
export interface KnownMeters {
  readonly meters: readonly {
    readonly usageDate: UsageDate;
    readonly meter: string;
    readonly amount: number;
    readonly level?: StorageDay;
  }[];
  /** Of each level the last day with points before the dates. */
  readonly levelsBefore: readonly { readonly meter: string; readonly level: StorageDay }[];
  /** Points of today, where the dates reach it. */
  readonly levelPointsOfLastDate: readonly (StoragePoint & { readonly meter: string })[];
  /** Units above soft limits. */
  readonly overage: readonly { readonly usageDate: UsageDate; readonly meter: string; readonly units: number }[];
  readonly adjustments: readonly AdjustmentSum[];
}

/** What it is to be reported by. */
export interface MeterReportInput {
  readonly dates: readonly UsageDate[];
  readonly declared: Meters;
  readonly known: KnownMeters;
  readonly today: UsageDate;
  readonly calendar: TenantCalendar;
  readonly asOfMs: number;
}

/** The meters of a report. */
export interface MeterReport {
  /** In the order of the dates. */
  readonly daily: readonly MeterFigures[];
  readonly totals: MeterFigures;
  /** undefined where there is none. */
  readonly meters: Readonly<Record<string, ReportedMeter>> | undefined;
  /** Dates on which the ledger has anything of a meter. */
  readonly datesWithData: ReadonlySet<UsageDate>;
}

export function reportMeters(input: MeterReportInput): MeterReport {
  const { dates, declared, known } = input;
  const reported = reportedOf(declared, known);
  const columns = [...reported].map(([name, { kind }]) =>
    kind === 'level' ? levelColumn(name, input) : counterColumn(name, dates, known),
  );
  const overage = overageOf(dates, known.overage);
  return {
    daily: dates.map((_, at) =>
      figuresOf(
        columns.map(({ name, days }) => [name, days[at] as Cell]),
        overage.days[at],
      ),
    ),
    totals: figuresOf(
      columns.map(({ name, total }) => [name, total]),
      overage.total,
    ),
    meters: reported.size === 0 ? undefined : Object.fromEntries(reported),
    datesWithData: new Set([...known.meters, ...known.adjustments.filter(isOfMeter)].map(({ usageDate }) => usageDate)),
  };
}

/** The declared ones first, in their order, then others of the ledger by name. */
function reportedOf(declared: Meters, known: KnownMeters): Map<string, ReportedMeter> {
  const reported = new Map<string, ReportedMeter>();
  for (const [name, { kind, unit }] of declared) reported.set(name, { kind, unit });
  const levels = new Set<string>(known.levelsBefore.map(({ meter }) => meter));
  for (const { meter, level } of known.meters) if (level !== undefined) levels.add(meter);
  const names = [...levels, ...known.meters.map(({ meter }) => meter)];
  for (const { meter } of known.adjustments.filter(isOfMeter)) names.push(meter);
  for (const name of names.sort()) {
    if (!reported.has(name)) reported.set(name, { kind: levels.has(name) ? 'level' : 'counter' });
  }
  return reported;
}

const isOfMeter = ({ meter }: AdjustmentSum): boolean => meter !== API_CALLS;

/** A meter over a day or a period. */
interface Cell {
  readonly value: number;
  readonly level?: LevelFigures;
  readonly adjusted?: AdjustedFigure;
}

interface Column {
  readonly name: string;
  readonly days: readonly Cell[];
  readonly total: Cell;
}

function counterColumn(name: string, dates: readonly UsageDate[], known: KnownMeters): Column {
  const amounts = new Map(known.meters.filter(isOf(name)).map(({ usageDate, amount }) => [usageDate, amount]));
  const deltas = new Map(known.adjustments.filter(isOf(name)).map(({ usageDate, delta }) => [usageDate, delta]));
  const parts = dates.map((date) => ({ recorded: amounts.get(date) ?? 0, delta: deltas.get(date) }));
  // Of the parts and not of the days as they are shown: a day below 0 takes from the others what it has too much.
  const total = parts.reduce(
    (sum, { recorded, delta }) => ({
      recorded: saturatingSum(sum.recorded, recorded),
      delta: sum.delta === undefined ? delta : bounded(sum.delta + (delta ?? 0)),
    }),
    NOTHING_COUNTED,
  );
  return { name, days: parts.map(counterCell), total: counterCell(total) };
}

/** An amount as it was recorded, and what corrections add; undefined where there are none. */
interface Counted {
  readonly recorded: number;
  readonly delta: number | undefined;
}

const NOTHING_COUNTED: Counted = { recorded: 0, delta: undefined };

function counterCell({ recorded, delta }: Counted): Cell {
  const adjusted = adjustedFigure(recorded, delta ?? 0);
  return delta === undefined ? { value: recorded } : { value: shownOf(adjusted), adjusted };
}

const bounded = (delta: number): number => Math.max(-MAX_COUNT, Math.min(MAX_COUNT, delta));

function levelColumn(name: string, { dates, known, today, calendar, asOfMs }: MeterReportInput): Column {
  const rows = new Map(
    known.meters
      .filter(isOf(name))
      .map(({ usageDate, level }) => [usageDate, level === undefined ? {} : { storage: level }] as const),
  );
  const held = storageOfDates(dates, {
    rows,
    storageBefore: known.levelsBefore.find(isOf(name))?.level,
    pointsOfLastDate: known.levelPointsOfLastDate.filter(isOf(name)),
    ...{ today, calendar, asOfMs },
  });
  return { name, days: held.map(levelCell), total: levelCell(held.reduce(addHeld, NOTHING_HELD)) };
}

const levelCell = (held: HeldStorage): Cell => ({
  value: averageOf(held),
  level: {
    average: fineAverageOf(held),
    peak: held.peakBytes,
    last: held.lastBytes ?? 0,
    coverage: coverageOf(held),
  },
});

function overageOf(
  dates: readonly UsageDate[],
  overage: KnownMeters['overage'],
): { readonly days: readonly Named[]; readonly total: Named } {
  const days = new Map(dates.map((date) => [date, new Map<string, number>()]));
  const total = new Map<string, number>();
  for (const { usageDate, meter, units } of overage) {
    const name = meter === OWN_UNITS ? 'units' : meter;
    const day = days.get(usageDate);
    if (day === undefined) continue;
    day.set(name, saturatingSum(day.get(name) ?? 0, units));
    total.set(name, saturatingSum(total.get(name) ?? 0, units));
  }
  return { days: [...days.values()], total };
}

type Named = ReadonlyMap<string, number>;

function figuresOf(cells: readonly (readonly [name: string, cell: Cell])[], overage: Named | undefined): MeterFigures {
  const levels = cells.flatMap(([name, { level }]) => (level === undefined ? [] : [[name, level] as const]));
  const adjusted = cells.flatMap(([name, cell]) =>
    cell.adjusted === undefined ? [] : [[name, cell.adjusted] as const],
  );
  return {
    ...(cells.length === 0 ? {} : { meters: Object.fromEntries(cells.map(([name, { value }]) => [name, value])) }),
    ...(levels.length === 0 ? {} : { levels: Object.fromEntries(levels) }),
    ...(overage === undefined || overage.size === 0 ? {} : { overage: Object.fromEntries(overage) }),
    ...(adjusted.length === 0 ? {} : { meterAdjustments: Object.fromEntries(adjusted) }),
  };
}

const isOf =
  (name: string) =>
  ({ meter }: { readonly meter: string }): boolean =>
    meter === name;
