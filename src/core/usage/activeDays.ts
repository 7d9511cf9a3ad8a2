// Who was active on which days, without keeping who: a user is a keyed hash, a month of days is one 31-bit mask. Distinct users
// over days are counted by these rows; they are never a sum of days, nor a count of bits.
import { createHmac } from 'node:crypto';
import { daysBetween, type UsageDate } from '../time/calendar.js';

/** Bytes of a user's hash. At 16 two of 10^9 users of one tenant meet with a probability of 10^-21. */
const USER_HASH_BYTES = 16;

/**
 * The keyed hash under which a tenant's user is kept: HMAC-SHA256 (RFC 2104) over both ids, cut to 16 bytes. Each id comes
 * after its length in bytes, so that no two pairs of ids run together (`ab`, `c` and `a`, `bc`).
 *
 * @param key - The ledger's own 32 bytes: who has the rows but not the key cannot try out user ids.
 */
export function userHashOf(key: Buffer, tenantId: string, userId: string): Buffer {
  const tenantBytes = Buffer.byteLength(tenantId);
  const userBytes = Buffer.byteLength(userId);
  const message = Buffer.allocUnsafe(8 + tenantBytes + userBytes);
  message.writeUInt32BE(tenantBytes, 0);
  message.write(tenantId, 4);
  message.writeUInt32BE(userBytes, 4 + tenantBytes);
  message.write(userId, 8 + tenantBytes);
  // By way of a text: a digest as bytes has memory of its own, and a replay of a million users spends half its time freeing it.
  const digest = createHmac('sha256', key).update(message).digest('binary');
  return Buffer.from(digest.slice(0, USER_HASH_BYTES), 'latin1');
}

/** The month of a date, as `YYYY-MM`. */
export function monthOf(date: UsageDate): string {
  return date.slice(0, 7);
}

/** The bit of a date in its month's mask: bit n-1 is day n, so the 31st still leaves a positive 32-bit integer. */
export function dayBit(date: UsageDate): number {
  return 1 << (Number(date.slice(8, 10)) - 1);
}

/** The bits of those days of `month` that lie from `from` to `to`, both included; 0 where none does. */
export function daysMask(month: string, from: UsageDate, to: UsageDate): number {
  const first = `${month}-01`;
  return upTo(daysBetween(first, to) + 1) & ~upTo(daysBetween(first, from));
}

/** The lowest `days` bits of a month's 31; the days of a month that does not have them are never set by anybody. */
const upTo = (days: number): number => 2 ** Math.min(31, Math.max(0, days)) - 1;
