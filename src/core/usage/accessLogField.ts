// A field of an access-log line as text: decoded, or told apart where it is none or no text.
import { endOfWord } from './accessLogLine.js';

const QUOTE = 0x22;
const DASH = 0x2d;
const SLASH = 0x2f;
const SPACE = 0x20;
const QUESTION_MARK = 0x3f;

/** Stands for a text that is none. Not a text itself: any text may be an id. */
export const NOT_UTF8: unique symbol = Symbol('not UTF-8');

/** A field's text; undefined where there is none. */
export type Selected = string | typeof NOT_UTF8 | undefined;

/** The text of a field; none where it is `-`, empty, or the `""` that Apache writes for an empty name. */
export function fieldText(bytes: Buffer, start: number, end: number): Selected {
  const length = end - start;
  if (length <= 0 || (length === 1 && bytes[start] === DASH)) return undefined;
  if (length === 2 && bytes[start] === QUOTE && bytes[start + 1] === QUOTE) return undefined;
  for (let at = start; at < end; at += 1) {
    if ((bytes[at] as number) >= 0x80) return utf8Text(bytes, start, end);
  }
  return bytes.toString('latin1', start, end);
}

function utf8Text(bytes: Buffer, start: number, end: number): string | typeof NOT_UTF8 {
  const text = bytes.toString('utf8', start, end);
  // Decoding replaces what is invalid; whoever meant U+FFFD itself gets the same bytes back.
  return Buffer.from(text, 'utf8').equals(bytes.subarray(start, end)) ? text : NOT_UTF8;
}

/**
 * Segment `wanted` of the request's path, percent-decoded where that is valid and as it stands where it is not. None where
 * the path ends before it or the segment is empty, and where the request has no path (`-`, `*`, `CONNECT host:port`).
 */
export function pathSegment(bytes: Buffer, start: number, end: number, wanted: number): Selected {
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
