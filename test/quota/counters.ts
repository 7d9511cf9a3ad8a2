// Counters written in small numbers, for the tests of the charge: a window of ten, and the store's clock at 12.
import { charge } from '../../src/core/quota/charge.js';
import type { CountedWindow } from '../../src/core/quota/chargeReply.js';
import type { CounterFloor, FixedWindow } from '../../src/core/quota/chargeRequest.js';
import { isSegments, type StoredWindow, saturatingSum } from '../../src/core/quota/counter.js';

/** A tenant's counters by field. */
export type Counters = Record<string, StoredWindow>;

/** A fixed window with the floor that travels beside it. */
export interface FlooredWindow extends FixedWindow {
  readonly floor?: CounterFloor;
}

/** What became of one cost; the windows stand as they do after it. */
export interface OneReply {
  readonly outcome: 'granted' | 'denied' | 'cold' | 'clock' | 'late' | 'conflict';
  readonly timeMs: number;
  readonly windows: readonly CountedWindow[];
}

/** A counter as a store keeps it. */
export const stored = (start: number, end: number, used: number, provisional = false): StoredWindow => ({
  ...{ start, end, used, provisional },
  held: 0,
  told: 0,
});

/** A window of ten around 12. */
export const windowOf = (
  field: string,
  limit: number | undefined,
  more: Partial<FlooredWindow> = {},
): FlooredWindow => ({
  field,
  limit,
  denies: true,
  starts: [0, 10, 20],
  end: 30,
  fromLedger: false,
  tellAt: undefined,
  ...more,
});

/** Decides one cost at 12 unless told, and returns what became of it with what the counters hold afterwards. */
export function decide(
  counters: Counters,
  windows: readonly FlooredWindow[],
  { cost = 1, timeMs = 12, deadlineMs }: { cost?: number; timeMs?: number; deadlineMs?: number } = {},
): { reply: OneReply; after: Counters; writes: number } {
  const kept = new Map(Object.entries(counters));
  const { reply, writes } = charge(
    { incarnation: '1', resetNumber: 0, counters: kept },
    {
      ...{ tenantId: 't', costs: [cost], windows, deadlineMs, resetNumber: 0 },
      floors: windows.map((one) => one.floor),
    },
    timeMs,
    `${timeMs}000`,
  );
  for (const [field, counter] of writes.counters) if (!isSegments(counter)) kept.set(field, counter);
  const after = Object.fromEntries(kept);
  const size = writes.counters.size;
  if (reply.outcome !== 'decided') return { reply: { ...reply, windows: [] }, after, writes: size };
  const granted = reply.granted[0] === true;
  const charged = granted ? cost : 0;
  const standing = reply.windows.map((one) => ({ ...one, used: saturatingSum(one.used, charged) }));
  return {
    reply: { outcome: granted ? 'granted' : 'denied', timeMs: reply.timeMs, windows: standing },
    after,
    writes: size,
  };
}

/** Units that the windows of a reply have counted. */
export const usedOf = (reply: OneReply): number[] => reply.windows.map((one) => one.used);
