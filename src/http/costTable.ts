// What a request costs by its route: a table of `METHOD /path` to units, read once. A request is matched as frameworks match by default,
// or a client could pay less by writing it otherwise: HEAD runs the handler of GET, a whole URL in the request line its path, and
// percent-encoding, letter case, backslashes and a slash at the end make no difference.
import type { IncomingMessage } from 'node:http';
import { isCount, MAX_COUNT } from '../core/quota/limit.js';
import type { Fault } from './faults.js';

/**
 * Units by route. A key is `METHOD /path`, or `* /path` for any method, `GET` for HEAD too; in the path `:name` stands for one segment
 * and a last `*` for all that follow. The first that matches holds; what matches none costs 1.
 * @example
 * { 'POST /exports': 50, 'GET /reports/:id': 5, '* /search/*': 2 }
 */
export type CostTable = Readonly<Record<string, number>>;

/** One row, ready to be compared. */
interface Row {
  /** undefined: any. */
  readonly method: string | undefined;
  /** In small letters; undefined: any one segment. */
  readonly segments: readonly (string | undefined)[];
  readonly isOpen: boolean;
  readonly cost: number;
}

const KEY = /^(\*|[A-Z]+) (\/\S*)$/;

/** All that is wrong with a table, by its keys. */
export const costTableFaults = (table: CostTable, path: string): Fault[] =>
  Object.entries(table).flatMap(([key, cost]) => {
    const faults: Fault[] = [];
    const location = `${path}["${key}"]`;
    if (!KEY.test(key)) faults.push({ location, message: 'expected a key such as "POST /exports" or "* /search/*"' });
    if (!isCount(cost))
      faults.push({ location, message: `expected a whole number from 0 to ${MAX_COUNT}, got ${String(cost)}` });
    return faults;
  });

/** The cost of a request by a table without faults. */
export function costByTable(table: CostTable): (req: IncomingMessage) => number {
  const rows = Object.entries(table).map(([key, cost]) => rowOf(key, cost));
  return (req) => {
    const segments = segmentsOf(req);
    return rows.find((row) => matches(row, req.method, segments))?.cost ?? 1;
  };
}

function rowOf(key: string, cost: number): Row {
  const [, method = '*', path = '/'] = KEY.exec(key) ?? [];
  const parts = split(path);
  const isOpen = parts.at(-1) === '*';
  return {
    method: method === '*' ? undefined : method,
    segments: (isOpen ? parts.slice(0, -1) : parts).map((part) => (part.startsWith(':') ? undefined : folded(part))),
    isOpen,
    cost,
  };
}

function matches(row: Row, method: string | undefined, segments: readonly string[]): boolean {
  const names = row.method === undefined || row.method === method || (row.method === 'GET' && method === 'HEAD');
  if (!names) return false;
  if (row.isOpen ? segments.length < row.segments.length : segments.length !== row.segments.length) return false;
  return row.segments.every((segment, index) => segment === undefined || segment === segments[index]);
}

/** The whole path, also where the middleware is mounted below one: `req.url` is cut there, `req.originalUrl` is not. */
function segmentsOf(req: IncomingMessage & { readonly originalUrl?: unknown }): string[] {
  const url = typeof req.originalUrl === 'string' ? req.originalUrl : (req.url ?? '/');
  const path = (url.split(/[?#]/, 1)[0] ?? '/').replaceAll('\\', '/').replace(ORIGIN, '');
  return split(path).map(folded);
}

/** What stands before the path where the request line has a whole URL, as to a proxy; routers leave it out. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/]*/i;

const split = (path: string): string[] => path.replace(/^\//, '').replace(/\/$/, '').split('/');

/** As a router reads a segment: decoded where it can be, in small letters. */
function folded(segment: string): string {
  try {
    return decodeURIComponent(segment).toLowerCase();
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return segment.toLowerCase();
  }
}
