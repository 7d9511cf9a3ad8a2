// One line of an access log in Common or Combined format, read from its bytes: when it was, whose it is, or what breaks it.
// Pure, and on a hot path of its own (millions of lines): it walks the bytes once and makes text only of what is asked for.
import { tenantIdFault, userIdFault } from '../tenantId.js';
import { type LogTime, readLogTime } from './accessLogTime.js';

/** Which field of a line names a tenant or a user. `segment` counts path segments from 1. */
export type LogSelector =
  | { readonly field: 'host' }
  | { readonly field: 'user' }
  | { readonly field: 'path'; readonly segment: number };

/**
 * What a line says.
 * `counted`: its Common part (host, ident, user, time, request, status, bytes) is whole; whatever follows is ignored.
 * `tenant` is undefined where the field is `-` or absent, `user` too.
 */
export type ReadLine =
  | {
      readonly outcome: 'counted';
      readonly instantMs: number;
      readonly tenant: string | undefined;
      readonly user: string | undefined;
    }
  | { readonly outcome: 'broken'; readonly reason: string };

/** Reads `bytes[start, end)`: one line without its line feed. Never throws. */
export type LineReader = (bytes: Buffer, start: number, end: number) => ReadLine;

/** Most segments that `path:N` may count: no route is deeper, and a line is bounded. */
const MAX_SEGMENT = 1000;

/** `host`, `user` or `path:N`; undefined for anything else. */
export function parseLogSelector(text: string): LogSelector | undefined {
  if (text === 'host' || text === 'user') return { field: text };
  const segment = /^path:([1-9][0-9]{0,3})$/.exec(text)?.[1];
  if (segment === undefined || Number(segment) > MAX_SEGMENT) return undefined;
  return { field: 'path', segment: Number(segment) };
}

/** The text that {@link parseLogSelector} reads. */
export const logSelectorText = (selector: LogSelector): string =>
  selector.field === 'path' ? `path:${selector.segment}` : selector.field;

/**
 * A reader of lines for these two selectors.
 *
 * A tenant or user that is no valid id (too long, NUL, invalid UTF-8) breaks the line: replacing what is wrong with it would
 * make two ids one. Invalid UTF-8 elsewhere is nobody's concern. Escapes that the server wrote (`\"`, `\x22`) stay as they are.
 */
export function accessLogReader(tenantBy: LogSelector, userBy: LogSelector | undefined): LineReader {
  return (bytes, start, end) => {
    const line = scanCommon(bytes, start, endOfText(bytes, start, end));
    if (typeof line === 'string') return broken(line);
    const tenant = select(bytes, line, tenantBy);
    const user = userBy === undefined ? undefined : select(bytes, line, userBy);
    if (tenant === INVALID_TEXT) return broken('tenant: expected UTF-8, got other bytes');
    if (user === INVALID_TEXT) return broken('user: expected UTF-8, got other bytes');
    const tenantFault = tenant === undefined ? undefined : tenantIdFault(tenant);
    if (tenantFault !== undefined) return broken(`tenant: ${tenantFault}`);
    const userFault = user === undefined ? undefined : userIdFault(user);
    if (userFault !== undefined) return broken(`user: ${userFault}`);
    return { outcome: 'counted', instantMs: line.instantMs, tenant, user };
  };
}

/**
 * Where the part of a line ends that can no longer change once it is there: after the status. undefined where the line does
 * not get so far. A log that grows may still lengthen all that follows, the byte count included.
 */
export function settledEnd(bytes: Buffer, start: number, end: number): number | undefined {
  const line = scanHead(bytes, start, end);
  return typeof line === 'string' ? undefined : line.statusEnd;
}

const QUOTE = 0x22;
const DASH = 0x2d;
const SLASH = 0x2f;
const SPACE = 0x20;
const BACKSLASH = 0x5c;
const OPENING_BRACKET = 0x5b;
const QUESTION_MARK = 0x3f;

/** Offsets of the fields that can be asked for. */
interface LineHead {
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

/** Stands for a text that is none. Not a text itself: any text may be an id. */
const INVALID_TEXT = Symbol('not UTF-8');

const broken = (reason: string): ReadLine => ({ outcome: 'broken', reason });
const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

// A log that passed through another system ends its lines in CR LF.
const endOfText = (bytes: Buffer, start: number, end: number): number =>
  end > start && bytes[end - 1] === 0x0d ? end - 1 : end;

function scanCommon(bytes: Buffer, start: number, end: number): LineHead | string {
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

function endOfWord(bytes: Buffer, start: number, end: number): number {
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

type Selected = string | typeof INVALID_TEXT | undefined;

function select(bytes: Buffer, line: LineHead, selector: LogSelector): Selected {
  if (selector.field === 'host') return fieldText(bytes, line.hostStart, line.hostEnd);
  if (selector.field === 'user') return fieldText(bytes, line.userStart, line.userEnd);
  return pathSegment(bytes, line.requestStart, line.requestEnd, selector.segment);
}

/** The text of a field; none where it is `-`, empty, or the `""` that Apache writes for an empty name. */
function fieldText(bytes: Buffer, start: number, end: number): Selected {
  const length = end - start;
  if (length <= 0 || (length === 1 && bytes[start] === DASH)) return undefined;
  if (length === 2 && bytes[start] === QUOTE && bytes[start + 1] === QUOTE) return undefined;
  for (let at = start; at < end; at += 1) {
    if ((bytes[at] as number) >= 0x80) return utf8Text(bytes, start, end);
  }
  return bytes.toString('latin1', start, end);
}

function utf8Text(bytes: Buffer, start: number, end: number): string | typeof INVALID_TEXT {
  const text = bytes.toString('utf8', start, end);
  // Decoding replaces what is invalid; whoever meant U+FFFD itself gets the same bytes back.
  return Buffer.from(text, 'utf8').equals(bytes.subarray(start, end)) ? text : INVALID_TEXT;
}

/**
 * Segment `wanted` of the request's path, percent-decoded where that is valid and as it stands where it is not. None where
 * the path ends before it or the segment is empty, and where the request has no path (`-`, `*`, `CONNECT host:port`).
 */
function pathSegment(bytes: Buffer, start: number, end: number, wanted: number): Selected {
  let at: number = pathStart(bytes, endOfWord(bytes, start, end) + 1, end);
  for (let segment = 1; at < end && bytes[at] === SLASH; segment += 1) {
    const segmentStart = at + 1;
    at = segmentStart;
    while (at < end && !endsSegment(bytes[at] as number)) at += 1;
    if (segment === wanted) return decoded(fieldText(bytes, segmentStart, at));
  }
  return undefined;
}

// A space ends the target: a request line holds method, target and, usually, the protocol.
const endsSegment = (byte: number): boolean => byte === SLASH || byte === QUESTION_MARK || byte === SPACE;

/** First slash of the path, `end` where there is no path. A proxy logs whole URLs, whose host is passed over. */
function pathStart(bytes: Buffer, targetStart: number, end: number): number {
  if (targetStart >= end || bytes[targetStart] === SLASH) return targetStart;
  const targetEnd = endOfWord(bytes, targetStart, end);
  const scheme = bytes.toString('latin1', targetStart, Math.min(targetEnd, targetStart + 8)).toLowerCase();
  const prefix = ['http://', 'https://'].find((one) => scheme.startsWith(one));
  if (prefix === undefined) return end;
  let at = targetStart + prefix.length;
  while (at < targetEnd && !endsSegment(bytes[at] as number)) at += 1;
  return at;
}

function decoded(segment: Selected): Selected {
  if (typeof segment !== 'string' || !segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    if (error instanceof URIError) return segment;
    throw error;
  }
}
