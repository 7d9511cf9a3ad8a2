// One line of an access log in Common or Combined format, read from its bytes: when it was, whose it is, or what breaks it.
// Pure, and on a hot path of its own (millions of lines): it walks the bytes once and makes text only of what is asked for.
import { tenantIdFault, userIdFault } from '../tenantId.js';
import { fieldText, NOT_UTF8, pathSegment, type Selected } from './accessLogField.js';
import { type LineHead, scanCommon } from './accessLogLine.js';

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
    const line = scanCommon(bytes, start, end);
    if (typeof line === 'string') return broken(line);
    const tenant = select(bytes, line, tenantBy);
    const user = userBy === undefined ? undefined : select(bytes, line, userBy);
    if (tenant === NOT_UTF8) return broken('tenant: expected UTF-8, got other bytes');
    if (user === NOT_UTF8) return broken('user: expected UTF-8, got other bytes');
    const tenantFault = tenant === undefined ? undefined : tenantIdFault(tenant);
    if (tenantFault !== undefined) return broken(`tenant: ${tenantFault}`);
    const userFault = user === undefined ? undefined : userIdFault(user);
    if (userFault !== undefined) return broken(`user: ${userFault}`);
    return { outcome: 'counted', instantMs: line.instantMs, tenant, user };
  };
}

const broken = (reason: string): ReadLine => ({ outcome: 'broken', reason });

function select(bytes: Buffer, line: LineHead, selector: LogSelector): Selected {
  if (selector.field === 'host') return fieldText(bytes, line.hostStart, line.hostEnd);
  if (selector.field === 'user') return fieldText(bytes, line.userStart, line.userEnd);
  return pathSegment(bytes, line.requestStart, line.requestEnd, selector.segment);
}
