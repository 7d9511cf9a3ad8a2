// What an app's collection of storage hands over, a tenant and its bytes at a time: from JavaScript and from SQL anything may come.
import { MAX_COUNT } from '../quota/limit.js';
import { resolveId, tenantIdFault } from '../tenantId.js';

/**
 * `level`: the tenant has so many bytes, at most 2^53-1; `saturated` where they were more. `no_amount`: the tenant is there, and how
 * much it has was not said. `no_tenant`: nobody can tell whose this is.
 */
export type CollectedPair =
  | { readonly kind: 'level'; readonly tenantId: string; readonly bytes: number; readonly saturated: boolean }
  | { readonly kind: 'no_amount'; readonly tenantId: string }
  | { readonly kind: 'no_tenant' };

const NO_TENANT: CollectedPair = { kind: 'no_tenant' };

/** Reads a pair `[tenant, bytes]`. Bytes are whole, from 0 on: a number, a bigint, or digits as SQL gives int8 and numeric. */
export function readCollectedPair(pair: unknown): CollectedPair {
  if (!Array.isArray(pair)) return NO_TENANT;
  const [id, amount]: readonly unknown[] = pair;
  const resolved = resolveId(id, tenantIdFault);
  if (resolved.kind !== 'id') return NO_TENANT;
  const tenantId = resolved.id;
  const bytes = wholeBytes(amount);
  if (bytes === undefined) return { kind: 'no_amount', tenantId };
  const saturated = bytes > BigInt(MAX_COUNT);
  return { kind: 'level', tenantId, bytes: saturated ? MAX_COUNT : Number(bytes), saturated };
}

/** Longer ones are no amount of anything: PostgreSQL's numeric has up to 131,072 digits before the point. */
const MOST_DIGITS = 1_000;
/** Digits, as numeric shows a whole number in any scale. */
const WHOLE = /^(\d+)(?:\.0+)?$/;

function wholeBytes(amount: unknown): bigint | undefined {
  if (typeof amount === 'bigint') return amount >= 0n ? amount : undefined;
  if (typeof amount === 'number') return Number.isInteger(amount) && amount >= 0 ? BigInt(amount) : undefined;
  if (typeof amount !== 'string' || amount.length > MOST_DIGITS) return undefined;
  const digits = WHOLE.exec(amount)?.[1];
  return digits === undefined ? undefined : BigInt(digits);
}
