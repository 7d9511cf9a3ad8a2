// What routes read from a request besides its body: the tenant in the path, the period in the query; and how a fault is worded.
import type { IncomingMessage } from 'node:http';
import { isCount, MAX_COUNT } from '../core/quota/limit.js';
import { tenantIdFault, userIdFault } from '../core/tenantId.js';
import { parseInstant } from '../core/time/calendar.js';
import { type UsagePeriod, usagePeriodFaults } from '../core/usage/usagePeriod.js';
import { type Fault, invalidRequest } from './faults.js';

/**
 * The tenant that a path names, decoded by the framework. Raw bytes above ASCII never come here: Node's parser refuses them.
 * @throws TallygateError `invalid_request`
 */
export function tenantOfPath(decoded: unknown): string {
  const fault = tenantFault(decoded);
  if (fault !== undefined) throw invalidRequest([{ location: 'path.tenantId', message: fault }]);
  return String(decoded);
}

/**
 * `?from=&to=` of a request; undefined where neither is there. Parameters that mean nothing are ignored.
 * @throws TallygateError `invalid_request` with every fault of both
 */
export function periodOfQuery(req: IncomingMessage): UsagePeriod | undefined {
  const query = queryOf(req);
  const faults = [...repeated(query, 'from'), ...repeated(query, 'to')];
  const [from, to] = [query.get('from') ?? undefined, query.get('to') ?? undefined];
  if (faults.length === 0) faults.push(...usagePeriodFaults(from, to));
  if (faults.length > 0)
    throw invalidRequest(faults.map((fault) => ({ ...fault, location: `query.${fault.location}` })));
  return from === undefined || to === undefined ? undefined : { from, to };
}

function repeated(query: URLSearchParams, name: string): Fault[] {
  const { length } = query.getAll(name);
  return length < 2 ? [] : [{ location: name, message: `expected one date as YYYY-MM-DD, got ${length} values` }];
}

/** The query of a request. Not the framework's parser: which one an app has set decides what a repeated or nested parameter becomes. */
export function queryOf(req: IncomingMessage): URLSearchParams {
  const url = req.url ?? '';
  return new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?')) : '');
}

/** Why a body's value cannot be a tenant's id, or undefined where it can. */
export const tenantFault = (value: unknown): string | undefined => textFault(value, tenantIdFault);

/** Why a body's value cannot be a user's id, or undefined where it can. */
export const userFault = (value: unknown): string | undefined => textFault(value, userIdFault);

/** Why a body's value cannot be a whole number from 0 to 2^53-1, or undefined where it can. */
export function wholeFault(value: unknown): string | undefined {
  return isCount(value) ? undefined : `expected a whole number from 0 to ${MAX_COUNT}, got ${shown(value)}`;
}

/** Makes the check of a whole number from `least` to `most`: why a body's value is none, or undefined where it is one. */
export const wholeWithinFault =
  (least: number, most: number = MAX_COUNT) =>
  (value: unknown): string | undefined =>
    isCount(value) && value >= least && value <= most
      ? undefined
      : `expected a whole number from ${least} to ${most}, got ${shown(value)}`;

/** Why a body's value is no instant in ISO 8601 with its offset from UTC, or undefined where it is one. */
export function instantFault(value: unknown): string | undefined {
  if (typeof value === 'string' && parseInstant(value) !== undefined) return undefined;
  return `expected an instant such as "2026-11-24T12:00:00Z", got ${shown(value)}`;
}

function textFault(value: unknown, faultOf: (text: string) => string | undefined): string | undefined {
  return typeof value === 'string' ? faultOf(value) : `expected a text, got ${shown(value)}`;
}

/** A value as a message shows it: short, and never an object's content. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
