// The storage of a report: each date's, with levels carried from day to day, and the one figure that is shown of it.
import { dayOf, type Period, type TenantCalendar, type UsageDate } from '../time/calendar.js';
import { integrateDay, type StorageDay, type StorageLevel, type StoragePoint } from './storageIntegral.js';

/** What is shown of a day or a period: the average over the covered time, the highest level, or the last one that was known. */
export type StorageFigure = 'average' | 'peak' | 'last';

/** All of them. */
export const STORAGE_FIGURES: readonly StorageFigure[] = ['average', 'peak', 'last'];

/** Whether a text names one. */
export const isStorageFigure = (text: string): text is StorageFigure => STORAGE_FIGURES.some((one) => one === text);

/** Storage over some time: of `elapsedMs`, levels were known for `coveredMs`. */
export interface HeldStorage {
  readonly byteMs: bigint;
  readonly coveredMs: number;
  readonly elapsedMs: number;
  readonly peakBytes: number;
  /** undefined where no level was known. */
  readonly lastBytes: number | undefined;
}

export const NOTHING_HELD: HeldStorage = {
  ...{ byteMs: 0n, coveredMs: 0, elapsedMs: 0 },
  ...{ peakBytes: 0, lastBytes: undefined },
};

/** The storage of `a` and then of `b`. */
export const addHeld = (a: HeldStorage, b: HeldStorage): HeldStorage => ({
  byteMs: a.byteMs + b.byteMs,
  coveredMs: a.coveredMs + b.coveredMs,
  elapsedMs: a.elapsedMs + b.elapsedMs,
  peakBytes: Math.max(a.peakBytes, b.peakBytes),
  lastBytes: b.lastBytes ?? a.lastBytes,
});

/** What the ledger knows of the storage of some dates. */
export interface KnownStorage {
  /** The rows, by date; only days with points have one. */
  readonly rows: ReadonlyMap<UsageDate, { readonly storage?: StorageDay }>;
  /** The last day with points before the dates. */
  readonly storageBefore: StorageDay | undefined;
  /** Points of today, where the dates reach it. */
  readonly pointsOfLastDate: readonly StoragePoint[];
  readonly today: UsageDate;
  readonly calendar: TenantCalendar;
  readonly asOfMs: number;
}

/** Each date's storage, in order: a level lasts from day to day until another point or 35 days after its own. */
export function storageOfDates(dates: readonly UsageDate[], known: KnownStorage): HeldStorage[] {
  const { rows, storageBefore, pointsOfLastDate, today, calendar, asOfMs } = known;
  let level = levelAfter(storageBefore);
  return dates.map((date) => {
    const day = dayOf(date, calendar);
    if (day === undefined) return NOTHING_HELD;
    // Today's row in the ledger runs to the day's end, which has not been: it counts by its points, up to now.
    const points = date === today ? pointsOfLastDate : [];
    const row = date === today ? undefined : rows.get(date)?.storage;
    const storage = row ?? integrateDay(points, level, day, asOfMs);
    // A level that has ended is unknown from then on, but what is added later goes on from it.
    level = levelAfter(storage) ?? level;
    return { ...NOTHING_HELD, ...storage, elapsedMs: elapsedOf(day, asOfMs) };
  });
}

const levelAfter = (day: StorageDay | undefined): StorageLevel | undefined =>
  day === undefined ? undefined : { bytes: day.lastBytes, atSeconds: day.lastAtSeconds };

const elapsedOf = (day: Period, asOfMs: number): number => Math.max(0, Math.min(day.end, asOfMs) - day.start);

/** The figure that is shown, 0 where nothing is known. */
export function bytesOf(held: HeldStorage, figure: StorageFigure): number {
  if (figure === 'average') return averageOf(held);
  return figure === 'peak' ? held.peakBytes : (held.lastBytes ?? 0);
}

/** For which part of the time, 0 to 1, a level is known. A row that was made before a change of zone may know more than its day has now. */
export const coverageOf = ({ coveredMs, elapsedMs }: HeldStorage): number =>
  elapsedMs === 0 ? 0 : Math.min(1, coveredMs / elapsedMs);

/** As `averageOf`, to three decimals: of few units a whole number says too little. */
export function fineAverageOf({ byteMs, coveredMs }: Pick<StorageDay, 'byteMs' | 'coveredMs'>): number {
  const thousandths = averageOf({ byteMs: 1_000n * byteMs, coveredMs });
  // Beyond that a third decimal is no longer exact, and says nothing.
  return thousandths < Number.MAX_SAFE_INTEGER ? thousandths / 1_000 : averageOf({ byteMs, coveredMs });
}

/** Byte-milliseconds over covered milliseconds, to the nearest whole byte. */
export function averageOf({ byteMs, coveredMs }: Pick<StorageDay, 'byteMs' | 'coveredMs'>): number {
  if (coveredMs === 0) return 0;
  const covered = BigInt(coveredMs);
  return Math.min(Number.MAX_SAFE_INTEGER, Number((2n * byteMs + covered) / (2n * covered)));
}
