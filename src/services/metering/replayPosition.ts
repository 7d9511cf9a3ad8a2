// Where a replay stands in its log, to the byte: cuts the stream into lines, keeps the SHA-256 of what was consumed, and
// first passes over what the ledger already has. Nothing here knows what a line means.
import { createHash, type Hash } from 'node:crypto';
import { TallygateError } from '../../core/errors.js';
import type { ReplayPosition } from '../../ports/usageLedger.js';

/** Longest part of a line that is looked at, in bytes. A longer line still counts where its Common part is whole within it. */
export const MAX_LINE_BYTES = 65_536;

/** Receives `bytes[start, end)`, a line without its line feed; `number` counts from 1. */
export type LineVisitor = (bytes: Buffer, start: number, end: number, number: number) => void;

const LINE_FEED = 0x0a;

/** A line whose end is still to come. */
interface OpenLine {
  /** Its first bytes, at most MAX_LINE_BYTES. */
  head: Buffer;
  /** The position at its start: the log's, until the line is counted. */
  readonly before: ReplayPosition;
}

/**
 * Reads a log from the position that the ledger knows. Fed with the whole log from its first byte, in chunks:
 * 1. while the known prefix lasts, bytes are only hashed; at its end the hash must be the ledger's;
 * 2. where the prefix ended within a line, that line was counted: its rest is passed over;
 * 3. then every line is visited, once its line feed has come.
 * `#open` is set only in 3, and only between chunks. Consumed bytes are always hashed, those of the open line included, so
 * a line of any length costs MAX_LINE_BYTES of memory.
 */
export class ReplayCursor {
  readonly #known: ReplayPosition | undefined;
  readonly #visit: LineVisitor;
  readonly #hash: Hash = createHash('sha256');
  #bytes = 0;
  #lines: number;
  #open: OpenLine | undefined;
  #passingOver = false;

  /** @throws TallygateError `replay_refused`, from `feed` and `end`, where the log does not begin with what is known. */
  constructor(known: ReplayPosition | undefined, visit: LineVisitor) {
    this.#known = known;
    this.#visit = visit;
    this.#lines = known?.lines ?? 0;
  }

  /** Takes the next bytes of the log and visits every line that ends in them. */
  feed(chunk: Buffer): void {
    let at = this.#passPrefix(chunk);
    if (this.#passingOver) at = this.#passRest(chunk, at);
    if (at === chunk.length) return;
    const first = at;
    for (let end = chunk.indexOf(LINE_FEED, at); end >= 0; end = chunk.indexOf(LINE_FEED, at)) {
      if (this.#open === undefined) this.#count(chunk, at, end);
      else this.#endOpenLine(chunk.subarray(at, end));
      at = end + 1;
    }
    this.#consume(chunk.subarray(first, at));
    if (at < chunk.length) this.#keepOpen(chunk.subarray(at));
  }

  /**
   * The log is over for now. `isWhole` says whether a last line without its line feed counts: then it is visited, and its rest
   * will be passed over when the log has grown. Otherwise it waits, and the position is the one before it. Returns whether it waits.
   */
  end(isWhole: (bytes: Buffer) => boolean): boolean {
    if (this.#isInPrefix()) throw shorter(this.#known as ReplayPosition, this.#bytes);
    const line = this.#open;
    if (line === undefined) return false;
    if (!isWhole(line.head)) return true;
    this.#open = undefined;
    this.#count(line.head, 0, line.head.length);
    return false;
  }

  /** How much of the log is consumed by the lines visited so far. */
  position(): ReplayPosition {
    return this.#open?.before ?? this.#here();
  }

  #here(): ReplayPosition {
    return { bytes: this.#bytes, sha256: this.#hash.copy().digest('hex'), lines: this.#lines };
  }

  #isInPrefix(): boolean {
    return this.#known !== undefined && this.#bytes < this.#known.bytes;
  }

  /** Returns the offset of the first byte that the ledger does not have yet. */
  #passPrefix(chunk: Buffer): number {
    if (this.#known === undefined || !this.#isInPrefix()) return 0;
    const prefix = chunk.subarray(0, this.#known.bytes - this.#bytes);
    this.#consume(prefix);
    if (this.#isInPrefix()) return chunk.length;
    if (this.#hash.copy().digest('hex') !== this.#known.sha256) throw different(this.#known);
    this.#passingOver = prefix[prefix.length - 1] !== LINE_FEED;
    return prefix.length;
  }

  #passRest(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LINE_FEED, at);
    const next = end < 0 ? chunk.length : end + 1;
    this.#passingOver = end < 0;
    this.#consume(chunk.subarray(at, next));
    return next;
  }

  #consume(bytes: Buffer): void {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
  }

  #count(bytes: Buffer, start: number, end: number): void {
    this.#lines += 1;
    this.#visit(bytes, start, Math.min(end, start + MAX_LINE_BYTES), this.#lines);
  }

  #keepOpen(bytes: Buffer): void {
    this.#open ??= { head: Buffer.alloc(0), before: this.#here() };
    this.#open.head = grown(this.#open.head, bytes);
    this.#consume(bytes);
  }

  #endOpenLine(rest: Buffer): void {
    const line = this.#open as OpenLine;
    this.#open = undefined;
    const head = grown(line.head, rest);
    this.#count(head, 0, head.length);
  }
}

function grown(head: Buffer, more: Buffer): Buffer {
  return head.length === MAX_LINE_BYTES ? head : Buffer.concat([head, more.subarray(0, MAX_LINE_BYTES - head.length)]);
}

const WAYS_OUT = 'Name it apart with --source NAME if it is another log, or meter all of it anew with --again.';

const shorter = (known: ReplayPosition, bytes: number): TallygateError =>
  new TallygateError(
    'replay_refused',
    `The log has ${bytes} bytes, but ${known.bytes} bytes of it (${known.lines} lines) are metered already. ${WAYS_OUT}`,
  );

const different = (known: ReplayPosition): TallygateError =>
  new TallygateError(
    'replay_refused',
    `The log begins like one that is metered already, but its first ${known.bytes} bytes (${known.lines} lines) are not the same. ${WAYS_OUT}`,
  );
