// Whether a report can still change by itself, and what is known to be missing from it. What is not known is said; no figure is made up.
import { addDays, dateAt, startOfDate, type TenantCalendar, type UsageDate } from '../time/calendar.js';

/** Acknowledged usage that is in no ledger any more: of whom it was nobody knows, so every tenant is told. */
export interface UsageReportGap {
  /** Within which time it was recorded: ISO 8601 in UTC. */
  readonly since: string;
  readonly until: string;
  /** Records of the producer, one of which may be many requests. */
  readonly records: number;
  readonly reason: string;
  readonly producerId: string;
}

/** What a usage answer says of itself. */
export interface Completeness {
  /**
   * True where the period is over, every live process has brought its usage of it to the ledger, and nothing is known to be missing:
   * then only corrections, late events, replays of logs and what is booked back to its day change it: the commit of a reservation, a
   * response that was still open under `countWhen`, the journal of a process that died. False says that there may be more, never that
   * there is less.
   */
  readonly complete: boolean;
  readonly gaps: readonly UsageReportGap[];
  /** Rows of the tenant that the tables refused; present where there are any. `tallygate quarantine` shows them. */
  readonly quarantinedRows?: number;
}

/** What a ledger knows of what it lacks. */
export interface KnownMissing {
  readonly gaps: readonly {
    readonly producerId: string;
    readonly from: number;
    readonly to: number;
    readonly reason: string;
    /** When the producer took its id: nothing of it is older, but for what is booked to the day of an earlier decision. */
    readonly producerMadeAtMs: number;
    readonly recordedAtMs: number;
  }[];
  readonly quarantinedRows: number;
  /** Up to when everything that live producers booked is in the ledger, by its clock; undefined where none lives. */
  readonly flushedByAllMs: number | undefined;
}

/** The period that is reported. */
export interface ReportedPeriod {
  readonly from: UsageDate;
  readonly to: UsageDate;
  readonly calendar: TenantCalendar;
  /** Up to when the asking process's own usage is in the ledger. */
  readonly asOfMs: number;
}

/**
 * A request is booked once it is answered, to the day of its decision by the counter store's clock, which is not the ledger's; and a
 * process is known from its first flush on. All of that is over within a minute.
 */
const UNDER_WAY_MS = 60_000;
/** A commit is booked to the day of its reservation, which is open for a day at most. */
const BOOKED_BACK_MS = 86_400_000;

export function completenessOf({ from, to, calendar, asOfMs }: ReportedPeriod, known: KnownMissing): Completeness {
  const touching = known.gaps.filter(
    (gap) =>
      dateAt(gap.producerMadeAtMs - BOOKED_BACK_MS, calendar) <= to && dateAt(gap.recordedAtMs, calendar) >= from,
  );
  const gaps = touching.map((gap) => ({
    since: new Date(gap.producerMadeAtMs).toISOString(),
    until: new Date(gap.recordedAtMs).toISOString(),
    records: gap.to - gap.from,
    reason: gap.reason,
    producerId: gap.producerId,
  }));
  const endMs = startOfDate(addDays(to, 1), calendar);
  const flushedMs = known.flushedByAllMs ?? Number.POSITIVE_INFINITY;
  const isFlushed = asOfMs >= endMs && flushedMs >= flushedPast(endMs);
  const complete = isFlushed && gaps.length === 0 && known.quarantinedRows === 0;
  return known.quarantinedRows === 0 ? { complete, gaps } : { complete, gaps, quarantinedRows: known.quarantinedRows };
}

/** Why an answer is not complete, one sentence a reason, for people. @param behind producers that have not flushed past its end */
export function incompleteReasons(
  { gaps, quarantinedRows = 0 }: Completeness,
  behind: readonly { readonly host: string; readonly pid: number; readonly flushedUntilMs: number | undefined }[],
): string[] {
  return [
    ...behind.map(({ host, pid, flushedUntilMs = 0 }) => {
      const until = flushedUntilMs === 0 ? 'nothing yet' : `usage up to ${new Date(flushedUntilMs).toISOString()}`;
      return `process ${pid} on ${host} has brought ${until}`;
    }),
    ...gaps.map(
      ({ since, until, records, reason }) =>
        `usage between ${since} and ${until} is missing: ${records} records, ${reason}`,
    ),
    ...(quarantinedRows === 0 ? [] : [`${quarantinedRows} rows are in the quarantine`]),
  ];
}

/** Up to when a producer must have flushed for a period that ends at `endMs` to be complete. */
export const flushedPast = (endMs: number): number => endMs + UNDER_WAY_MS;
