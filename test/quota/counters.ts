// Counters written in small numbers, for the tests of the charge: a window of ten, and the store's clock at 12.
import {
  type ChargeReply,
  type ChargeRequest,
  type ChargeWindow,
  charge,
  type StoredWindow,
} from '../../src/core/quota/charge.js';

/** A tenant's counters by field. */
export type Counters = Record<string, StoredWindow>;

/** A counter as a store keeps it. */
export const stored = (start: number, end: number, used: number, provisional = false): StoredWindow => ({
  start,
  end,
  used,
  provisional,
});

/** A window of ten around 12. */
export const windowOf = (field: string, limit: number | undefined, more: Partial<ChargeWindow> = {}): ChargeWindow => ({
  field,
  limit,
  starts: [0, 10, 20],
  end: 30,
  fromLedger: false,
  ...more,
});

/** Decides at 12 unless told, and returns the reply with what the counters hold afterwards. */
export function decide(
  counters: Counters,
  windows: readonly ChargeWindow[],
  { cost = 1, timeMs = 12, deadlineMs }: { cost?: number; timeMs?: number; deadlineMs?: number } = {},
): { reply: ChargeReply; after: Counters; writes: number } {
  const request: ChargeRequest = { tenantId: 't', cost, windows, deadlineMs };
  const { reply, writes } = charge(new Map(Object.entries(counters)), request, timeMs);
  return { reply, after: { ...counters, ...Object.fromEntries(writes) }, writes: writes.size };
}

/** Units that the windows of a reply have counted. */
export const usedOf = (reply: ChargeReply): number[] =>
  'windows' in reply ? reply.windows.map((one) => one.used) : [];
