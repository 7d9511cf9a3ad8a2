// Until when a counter of the process means something.
import type { ChargeWindow } from '../../core/quota/chargeRequest.js';
import { isSegments, type StoredCounter } from '../../core/quota/counter.js';
import { leavesAt } from '../../core/quota/slidingWindow.js';

/** First instant at which the counter counts nothing any more, in milliseconds since 1970. */
export function endOf(window: ChargeWindow, counter: StoredCounter): number {
  if (!isSegments(counter)) return counter.end;
  const newest = counter.segments.at(-1);
  return newest === undefined || 'starts' in window ? 0 : leavesAt(newest.index, window.segmentMs);
}

/** Until when nobody else could tell what it counted. */
export const aloneUntilOf = (window: ChargeWindow, counter: StoredCounter): number =>
  'starts' in window && window.fromLedger ? 0 : endOf(window, counter);
