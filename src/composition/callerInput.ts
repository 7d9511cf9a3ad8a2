// What every call of an app outside of a request begins with: whose it is, and whether anything can be asked yet.
import { type Fault, invalidRequest, TallygateError } from '../core/errors.js';
import { MAX_COUNT } from '../core/quota/limit.js';
import { resolveId, tenantIdFault } from '../core/tenantId.js';
import type { Composition } from './compose.js';

/** A tenant's or user's id as an app holds it: text, a safe integer, or a bigint (the last two as their decimal text). */
export type Id = string | number | bigint;

/** Waits for the start, at most 15 s. */
export async function opened(admission: Composition['admission']): Promise<void> {
  if (await admission.whenOpen()) return;
  throw new TallygateError('not_ready', 'The ledger, the settings or the counter store have not answered yet.');
}

/** @throws TallygateError `invalid_request` */
export function checkedTenant(tenantId: Id): string {
  const resolved = resolveId(tenantId, tenantIdFault);
  if (resolved.kind === 'id') return resolved.id;
  const message = resolved.kind === 'fault' ? resolved.fault : 'expected a tenant id, got none';
  throw invalidRequest([{ location: 'tenantId', message }]);
}

/** The fault of an amount that cannot be counted. */
export const amountFault = (location: string, value: unknown): Fault => ({
  location,
  // A text in quotes, or "5" would read as if 5 were refused.
  message: `expected a whole number from 0 to ${MAX_COUNT}, got ${typeof value === 'string' ? JSON.stringify(value) : String(value)}`,
});
