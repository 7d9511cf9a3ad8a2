// What is wrong with an installation, or worth knowing about it, from facts that somebody gathered: each finding with what to do.

/** A finding. */
export interface Finding {
  readonly code: FindingCode;
  /** False: worth knowing, and nothing has to be done at once. */
  readonly isWrong: boolean;
  readonly what: string;
  readonly whatToDo: string;
}

export type FindingCode =
  | 'ledger_away'
  | 'migrations_pending'
  | 'quarantined_rows'
  | 'usage_gap'
  | 'silent_producer'
  | 'unflushed_producer'
  | 'producers_count_alone'
  | 'counter_store_away'
  | 'clock_offset'
  | 'storage_not_collected'
  | 'storage_collected'
  | 'foreign_journal'
  | 'damaged_records';

/** A producer that has not said that it closed. */
interface OpenProducerFact {
  readonly producerId: string;
  readonly host: string;
  readonly pid: number;
  readonly hasJournal: boolean;
  readonly lastSeenAtMs: number;
  readonly isLive: boolean;
  /** Up to when everything that it booked is in the ledger; 1970 before the first of it, undefined where its version does not say. */
  readonly flushedUntilMs: number | undefined;
}

/** How an app's collection of storage stands, by the ledger. */
export interface StorageCollectionFacts {
  /** When the last run ended well, and what it found; undefined before the first. */
  readonly last: { readonly collectedAtMs: number; readonly tenants: number; readonly everyMs: number } | undefined;
  /** Runs since then that did not end well. */
  readonly failures: number;
  readonly failure: string | undefined;
}

/** Everything that could be found out; undefined where it could not. */
export interface InstallationFacts {
  readonly nowMs: number;
  /** Why the ledger does not answer; undefined where it does. */
  readonly ledgerFault: string | undefined;
  /** Migrations to run, or what a team's own have yet to make. */
  readonly toMigrate: readonly string[];
  readonly quarantinedRows: number;
  readonly gaps: { readonly total: number; readonly latestAtMs: number | undefined };
  readonly producers: readonly OpenProducerFact[];
  /** undefined where no app collects. */
  readonly storageCollection?: StorageCollectionFacts | undefined;
  /** Whether the counters are shared by processes. */
  readonly countersAreShared: boolean;
  readonly storeFault: string | undefined;
  /** The counter store's clock less the process's. */
  readonly clockOffsetMs: number | undefined;
  /** Journals of the data folder that are left alone, and why. */
  readonly leftAlone: readonly { readonly producerId: string; readonly reason: string }[];
  /** Files of damaged records. */
  readonly damagedFiles: readonly string[];
}

/** Above this distance of the two clocks labels and logs tell different stories. */
const OFFSET_WORTH_TELLING_MS = 1_000;
/** Three times as long as an idle process takes to say that it has brought everything. */
const UNFLUSHED_WORTH_TELLING_MS = 10 * 60_000;
/** As long as late usage is accepted, a gap can be corrected before the month is invoiced; later it is history. */
const GAP_IS_NEWS_MS = 35 * 86_400_000;
/** A level holds this long without being told again: by then an app that collects no more has told everything that it ever will. */
const LEVELS_HOLD_MS = 35 * 86_400_000;
/** A process that is replaced, and a try that is repeated, are no news yet. */
const COLLECTION_TAKES_MS = 5 * 60_000;

/** What is wrong comes first. */
export function diagnose(facts: InstallationFacts): readonly Finding[] {
  const findings = [
    ...[...ofLedger(facts), ...ofProducers(facts), ...ofStorage(facts)],
    ...[...ofCounters(facts), ...ofJournals(facts)],
  ];
  return [...findings.filter(({ isWrong }) => isWrong), ...findings.filter(({ isWrong }) => !isWrong)];
}

function* ofLedger({ nowMs, ledgerFault, toMigrate, quarantinedRows, gaps }: InstallationFacts): Generator<Finding> {
  if (ledgerFault !== undefined) {
    yield wrong('ledger_away', `The ledger does not answer: ${ledgerFault}`, 'check DATABASE_URL and the database');
  }
  if (toMigrate.length > 0) {
    yield wrong('migrations_pending', `To be migrated: ${toMigrate.join(', ')}`, 'run `npx tallygate migrate`');
  }
  if (quarantinedRows > 0) {
    const what = `Rows that the tables refuse, and that are in no figure: ${quarantinedRows}`;
    yield wrong('quarantined_rows', what, 'run `npx tallygate quarantine list`, then retry or discard them');
  }
  if (gaps.total > 0 && gaps.latestAtMs !== undefined) {
    const what = `Usage is known to be missing: ${gaps.total} gaps, the latest of ${at(gaps.latestAtMs)}`;
    const isNews = nowMs - gaps.latestAtMs < GAP_IS_NEWS_MS;
    const whatToDo = 'see `gaps` of the usage API; what can be told otherwise is corrected by an adjustment';
    yield { code: 'usage_gap', isWrong: isNews, what, whatToDo };
  }
}

function* ofProducers({ nowMs, producers, countersAreShared }: InstallationFacts): Generator<Finding> {
  const live = producers.filter(({ isLive }) => isLive);
  if (!countersAreShared && live.length > 1) {
    const what = `${live.length} processes feed this ledger and each counts alone: ${live.map(nameOf).join(', ')}`;
    yield wrong('producers_count_alone', what, 'set REDIS_URL for all of them, or run one');
  }
  for (const producer of live) {
    // By its own clock a process that asks may be late by as much as the two are apart: nothing against ten minutes.
    const since = producer.flushedUntilMs;
    if (since === undefined || nowMs - Math.max(since, madeAtMs(producer)) < UNFLUSHED_WORTH_TELLING_MS) continue;
    const what = `${nameOf(producer)} lives, and usage that it booked after ${at(Math.max(since, madeAtMs(producer)))} is not in the ledger`;
    const whatToDo = 'its log says what hinders it; `npx tallygate reconcile` says what that comes to';
    yield wrong('unflushed_producer', what, whatToDo);
  }
  for (const producer of producers.filter(({ isLive }) => !isLive)) {
    const { lastSeenAtMs, hasJournal } = producer;
    const what = `${nameOf(producer)} has not closed and was last seen ${at(lastSeenAtMs)}`;
    const whatToDo = hasJournal
      ? 'if it died: any process that starts on its data folder brings its journal to the ledger'
      : 'if it died: it kept no journal, and what it had not flushed is lost';
    yield { code: 'silent_producer', isWrong: false, what, whatToDo };
  }
}

function* ofStorage({ nowMs, storageCollection }: InstallationFacts): Generator<Finding> {
  if (storageCollection === undefined) return;
  const { last, failures, failure } = storageCollection;
  const since = last === undefined ? 'never before' : `last at ${at(last.collectedAtMs)}, from ${last.tenants} tenants`;
  const ageMs = nowMs - (last?.collectedAtMs ?? nowMs);
  if (failures > 0) {
    const what = `Storage could not be collected, ${failures} times (${since}): ${failure ?? 'its process ended in it'}`;
    const whatToDo = 'mend what collectStorage of the app says; until then tenants keep their levels, for 35 days';
    yield wrong('storage_not_collected', what, whatToDo);
  } else if (last !== undefined && ageMs > 2 * last.everyMs + COLLECTION_TAKES_MS && ageMs < LEVELS_HOLD_MS) {
    const whatToDo = 'see that a process with collectStorage runs; 35 days later storage is not known any more';
    yield wrong('storage_not_collected', `Storage is due and nobody collects it (${since})`, whatToDo);
  } else if (last !== undefined) {
    const whatToDo = 'nothing, unless the app collected it later than that';
    yield { code: 'storage_collected', isWrong: false, what: `Storage was collected (${since})`, whatToDo };
  }
}

function* ofCounters({ storeFault, clockOffsetMs }: InstallationFacts): Generator<Finding> {
  if (storeFault !== undefined) {
    const whatToDo = 'check REDIS_URL and Redis; until then QUOTA_ON_STORE_ERROR decides';
    yield wrong('counter_store_away', `The counter store does not answer: ${storeFault}`, whatToDo);
  }
  if (clockOffsetMs !== undefined && Math.abs(clockOffsetMs) > OFFSET_WORTH_TELLING_MS) {
    const what = `The clocks of the counter store and of this machine are ${Math.abs(clockOffsetMs)} ms apart`;
    yield wrong('clock_offset', what, 'let both follow the same time service');
  }
}

function* ofJournals({ leftAlone, damagedFiles }: InstallationFacts): Generator<Finding> {
  for (const { producerId, reason } of leftAlone) {
    const whatToDo = 'start a process with the database that it belongs to, or move its folder away';
    yield wrong('foreign_journal', `The journal ${producerId} is in no ledger of this database: ${reason}`, whatToDo);
  }
  for (const file of damagedFiles) {
    const whatToDo = 'read what can be read, correct it by an adjustment, then move the file away';
    yield wrong('damaged_records', `Damaged records of a journal are in no ledger: ${file}`, whatToDo);
  }
}

const wrong = (code: FindingCode, what: string, whatToDo: string): Finding => ({ code, isWrong: true, what, whatToDo });

/** The first 48 bits of its id. */
const madeAtMs = ({ producerId }: OpenProducerFact): number =>
  Number.parseInt(producerId.replaceAll('-', '').slice(0, 12), 16) || 0;

const nameOf = ({ host, pid, producerId }: OpenProducerFact): string => `process ${pid} on ${host} (${producerId})`;

const at = (instantMs: number): string => new Date(instantMs).toISOString();
