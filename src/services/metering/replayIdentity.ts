// How a log is known again: by its first line or a given name, and by how often it was metered anew.
import { createHash } from 'node:crypto';
import { TallygateError } from '../../core/errors.js';
import { settledEnd } from '../../core/usage/accessLogLine.js';
import type { ReplayPosition, UsageLedger } from '../../ports/usageLedger.js';
import { MAX_LINE_BYTES } from './replayPosition.js';

/** Most times that one log can be metered anew. */
const MAX_RUNS = 1000;
const LINE_FEED = 0x0a;

/** One metering of a log: the first, or one that was asked for with `--again`. */
export interface ReplayRun {
  /** Its key in the ledger. */
  readonly source: string;
  readonly options: string;
  /** What is metered already; undefined where nothing is. */
  readonly known: ReplayPosition | undefined;
}

/** A log whose beginning was looked at. */
export interface PeekedLog {
  /** undefined where the log has no first line yet. */
  readonly identity: string | undefined;
  /** Whether nothing was there to look at. Only said where there is no identity. */
  readonly isEmpty: boolean;
  /** The whole log, from its first byte. */
  readonly chunks: AsyncGenerator<Buffer>;
}

/** Reads as much of the log as its first line needs. `sourceName` takes that line's place. */
export async function peekFirstLine(log: AsyncIterable<Buffer>, sourceName: string | undefined): Promise<PeekedLog> {
  const rest = log[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  let isOver = false;
  while (sourceName === undefined && !head.includes(LINE_FEED) && head.length < MAX_LINE_BYTES && !isOver) {
    const { done, value } = await rest.next();
    if (done === true) isOver = true;
    else head = Buffer.concat([head, value]);
  }
  const identity = sourceName === undefined ? identityOf(head) : `name:${sourceName}`;
  return { identity, isEmpty: head.length === 0, chunks: joined(head, rest) };
}

async function* joined(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/**
 * Of the first line only what can no longer change is hashed: it may still be without its end, and the log must be known again
 * when it has grown. A line that never becomes one is hashed whole, once its line feed has come.
 */
function identityOf(head: Buffer): string | undefined {
  const lineFeed = head.indexOf(LINE_FEED);
  const isComplete = lineFeed >= 0 || head.length >= MAX_LINE_BYTES;
  const end = Math.min(lineFeed < 0 ? head.length : lineFeed, MAX_LINE_BYTES);
  const settled = settledEnd(head, 0, end) ?? (isComplete ? end : undefined);
  if (settled === undefined) return undefined;
  return `line:${createHash('sha256').update(head.subarray(0, settled)).digest('hex')}`;
}

/**
 * The metering to go on with: the log's latest, or with `again` a new one.
 *
 * Each `--again` is a run of its own with a number. So one that was interrupted goes on when the command is repeated *without*
 * `--again`, as does a log that has grown since.
 * @throws TallygateError `replay_refused` where the latest was made with other options.
 */
export async function findReplayRun(
  ledger: Pick<UsageLedger, 'replayPosition'>,
  identity: string,
  options: string,
  again: boolean,
): Promise<ReplayRun> {
  let latest: ReplayRun = { source: identity, options, known: undefined };
  for (let number = 1; number <= MAX_RUNS; number += 1) {
    const source = number === 1 ? identity : `again${number}:${identity}`;
    const position = await ledger.replayPosition(source);
    if (position === undefined) {
      if (again) return { source, options, known: undefined };
      if (latest.options !== options) throw otherOptions(latest.options, options);
      return latest;
    }
    const { bytes, sha256, lines } = position;
    latest = { source, options: position.options, known: { bytes, sha256, lines } };
  }
  throw new TallygateError(
    'replay_refused',
    `This log was metered ${MAX_RUNS} times. Name it apart with --source NAME.`,
  );
}

const otherOptions = (known: string, asked: string): TallygateError =>
  new TallygateError(
    'replay_refused',
    `This log was metered with "${known}", and now "${asked}" is asked for. Use the same options, name the log apart with --source NAME, or meter all of it anew with --again.`,
  );
