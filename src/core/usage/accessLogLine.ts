// Where the fields of an access-log line lie in its bytes, and whether its Common part (host, ident, user, time, request,
// status, bytes) is whole.
import { type LogTime, readLogTime } from './accessLogTime.js';

const QUOTE = 0x22;
const DASH = 0x2d;
const SPACE = 0x20;
const BACKSLASH = 0x5c;
const OPENING_BRACKET = 0x5b;

/** Offsets of the fields that can be asked for. */
export interface LineHead {
  readonly hostStart: number;
  readonly hostEnd: number;
  readonly userStart: number;
  readonly userEnd: number;
  readonly instantMs: number;
  /** Without the quotes. */
  readonly requestStart: number;
  readonly requestEnd: number;
  readonly statusEnd: number;
}

type FoundTime = LogTime & { readonly start: number };

/**
 * Where the part of a line ends that can no longer change once it is there: after the status. undefined where the line does
 * not get so far. A log that grows may still lengthen all that follows, the byte count included.
 */
export function settledEnd(bytes: Buffer, start: number, end: number): number | undefined {
  const line = scanHead(bytes, start, end);
  return typeof line === 'string' ? undefined : line.statusEnd;
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

// A log that passed through another system ends its lines in CR LF.
const endOfText = (bytes: Buffer, start: number, end: number): number =>
  end > start && bytes[end - 1] === 0x0d ? end - 1 : end;

/** The fields of `bytes[start, lineEnd)`, or what breaks the line. */
export function scanCommon(bytes: Buffer, start: number, lineEnd: number): LineHead | string {
  const end = endOfText(bytes, start, lineEnd);
  const head = scanHead(bytes, start, end);
  if (typeof head === 'string') return head;
  let at = head.statusEnd;
  if (bytes[at] === DASH) at += 1;
  else while (at < end && isDigit(bytes[at])) at += 1;
  const isWhole = at > head.statusEnd && at <= end && (at === end || bytes[at] === SPACE);
  return isWhole ? head : 'no byte count after the status';
}

/** Everything up to the space after the status. */
function scanHead(bytes: Buffer, start: number, end: number): LineHead | string {
  if (start >= end) return 'an empty line';
  const hostEnd = endOfWord(bytes, start, end);
  const identEnd = endOfWord(bytes, hostEnd + 1, end);
  if (hostEnd === start || identEnd <= hostEnd + 1 || identEnd >= end) return 'no host, ident and user';
  const userStart = identEnd + 1;
  const time = findTime(bytes, userStart, end);
  if (time === undefined) return 'no time in brackets';
  if (time.instantMs === undefined) return 'a time that does not exist';
  const requestStart = time.end + 2;
  if (bytes[time.end] !== SPACE || bytes[time.end + 1] !== QUOTE || requestStart > end) return 'no request in quotes';
  const requestEnd = closingQuote(bytes, requestStart, end);
  if (requestEnd === undefined) return 'a request without its closing quote';
  const statusEnd = requestEnd + 6;
  if (statusEnd > end || !isStatus(bytes, requestEnd + 1)) return 'no status of three digits';
  const { instantMs } = time;
  return {
    hostStart: start,
    hostEnd,
    userStart,
    userEnd: time.start - 1,
    instantMs,
    requestStart,
    requestEnd,
    statusEnd,
  };
}

const isStatus = (bytes: Buffer, at: number): boolean =>
  bytes[at] === SPACE &&
  isDigit(bytes[at + 1]) &&
  isDigit(bytes[at + 2]) &&
  isDigit(bytes[at + 3]) &&
  bytes[at + 4] === SPACE;

/** Offset of the next space from `start` on, at most `end`. */
export function endOfWord(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== SPACE) at += 1;
  return at;
}

/** Finds the time: a user name may hold spaces and brackets, so it ends only where a bracket has the shape of a time. */
function findTime(bytes: Buffer, userStart: number, end: number): FoundTime | undefined {
  for (let at = userStart + 2; at < end; at += 1) {
    if (bytes[at] !== OPENING_BRACKET || bytes[at - 1] !== SPACE) continue;
    const time = readLogTime(bytes, at, end);
    if (time !== undefined) return { start: at, ...time };
  }
  return undefined;
}

function closingQuote(bytes: Buffer, start: number, end: number): number | undefined {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at += 1;
  }
  return undefined;
}
