// Replays an access log into the ledger: each line at its own time and once, over crashes, repetition and growth of the log.
// The ledger keeps how much of the log it has; whatever happens here, the next run goes on from there.

import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { hasCode, invalidRequest, TallygateError } from '../../core/errors.js';
import { userIdFault } from '../../core/tenantId.js';
import type { TenantCalendar } from '../../core/time/calendar.js';
import { accessLogReader, type LogSelector, logSelectorText } from '../../core/usage/accessLog.js';
import type { UsageLedger } from '../../ports/usageLedger.js';
import { findReplayRun, peekFirstLine } from './replayIdentity.js';
import { ReplayCursor } from './replayPosition.js';
import { ReplayReport, type ReplaySummary } from './replayReport.js';
import { openLog } from './replaySource.js';
import { ReplayTally } from './replayTally.js';
import { ReplayWriter } from './replayWriter.js';

/** What a replay needs. */
export interface LogReplayParts {
  readonly ledger: Pick<UsageLedger, 'identity' | 'replayPosition' | 'applyReplay'>;
  /** The tenant's calendar as it is now: the day of a line is that of its instant in the present zone. */
  readonly calendarOf: (tenantId: string) => TenantCalendar;
}

/** A log and how to read it. */
export interface ReplayRequest {
  /** A path, or `-` for `stdin`. Gzip is unpacked, whatever the name says. */
  readonly file: string;
  readonly stdin: Readable;
  readonly tenantBy: LogSelector;
  /** Without it no active users are counted. */
  readonly userBy?: LogSelector | undefined;
  /** Identity of the log, in place of its first line: 1 to 512 characters. */
  readonly sourceName?: string | undefined;
  /** Meters the whole log once more, knowingly. Later replays of the log go on after this one. */
  readonly again?: boolean | undefined;
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined;
}

/** How far a replay has come. */
export interface ReplayProgress {
  /** Lines read in this run. */
  readonly lines: number;
  /** Bytes read of the file as it lies there, packed or not. */
  readonly bytesRead: number;
  /** Bytes of the file; undefined where it has no size: standard input, a pipe. */
  readonly size: number | undefined;
}

/**
 * Meters what the ledger does not have of the log yet.
 * @throws TallygateError `replay_refused` where the log cannot be read, is not the one that was metered, was metered with other
 * options, or is being replayed by somebody else; `ledger_unavailable`, `ledger_refused` or `migrations_pending` by the ledger. What was
 * applied before stays, and the same command goes on after it.
 */
export async function replayLog(parts: LogReplayParts, request: ReplayRequest): Promise<ReplaySummary> {
  const nameFault = request.sourceName === undefined ? undefined : userIdFault(request.sourceName);
  if (nameFault !== undefined) throw invalidRequest([{ location: 'source', message: nameFault }]);
  const log = await openLog(request.file, request.stdin);
  const { identity, chunks, isEmpty } = await peekFirstLine(log.chunks, request.sourceName);
  const report = new ReplayReport();
  // At most a part of a first line: there is nothing to count yet, and nothing to know the log by.
  if (identity === undefined) return report.summary(0, !isEmpty);
  const run = await findReplayRun(parts.ledger, identity, optionsText(request), request.again === true);
  const { hashKey } = await parts.ledger.identity();
  const readLine = accessLogReader(request.tenantBy, request.userBy);
  const tally = new ReplayTally({ readLine, hashKey, calendarOf: parts.calendarOf, report });
  const writer = new ReplayWriter({ ledger: parts.ledger, pause: (ms) => pause(ms) }, run);
  const cursor = new ReplayCursor(run.known, tally.add);
  const apply = () => writer.write(tally, cursor.position());
  let failure: TallygateError | undefined;
  const untilFailure = readableChunks(chunks, (error) => {
    failure = error;
  });
  for await (const chunk of untilFailure) {
    cursor.feed(chunk);
    if (tally.isFull()) await apply();
    request.onProgress?.({ lines: report.lines, bytesRead: log.bytesRead(), size: log.size });
  }
  // Where the log breaks off, a line without its end waits: what stands before a defect may be part of it.
  const waits = failure === undefined && cursor.end((bytes) => readLine(bytes, 0, bytes.length).outcome === 'counted');
  await apply();
  await writer.finish();
  if (failure !== undefined) throw brokenOff(failure, report.lines);
  return report.summary(run.known?.lines ?? 0, waits);
}

/** The chunks up to where the log cannot be read any further, which is told and not thrown: what came before counts. */
async function* readableChunks(
  chunks: AsyncIterable<Buffer>,
  onFailure: (error: TallygateError) => void,
): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    if (!hasCode(error, 'replay_refused')) throw error;
    onFailure(error);
  }
}

const brokenOff = (failure: TallygateError, lines: number): TallygateError =>
  new TallygateError(
    failure.code,
    `${failure.message} The lines before that are metered, ${lines} in this run; run the command again with the whole log.`,
    { cause: failure },
  );

/** The options that decide what a line means, as the user types them. */
function optionsText({ tenantBy, userBy }: ReplayRequest): string {
  const tenant = `--tenant-by ${logSelectorText(tenantBy)}`;
  return userBy === undefined ? tenant : `${tenant} --user-by ${logSelectorText(userBy)}`;
}
