// Tells of an outage at once and then every half minute, not at each attempt: a log that floods is a second outage.
import type { Clock } from '../ports/clock.js';

const TELL_AGAIN_MS = 30_000;
/** Most kinds that are told in half a minute. A reason with a time or an id in it is a new kind each time. */
const MOST_KINDS = 10;

/**
 * `tell`, called only where what it would tell is of a new kind (`about`), or its kind was last told half a minute ago; and never
 * more than ten times in half a minute. Its second argument says how many were left out since it was called last.
 */
export function outageNotice<Told>(
  clock: Clock,
  about: (told: Told) => string,
  tell: (told: Told, leftOut: number) => void,
): (told: Told) => void {
  /** When each kind was told last, the oldest first; none longer ago than half a minute, once something is told. */
  const toldAtMs = new Map<string, number>();
  let leftOut = 0;

  function forgetOld(now: number): void {
    for (const [kind, at] of toldAtMs) {
      if (now - at < TELL_AGAIN_MS) return;
      toldAtMs.delete(kind);
    }
  }

  return (told) => {
    const now = clock.monotonicMs();
    const kind = about(told);
    forgetOld(now);
    if (toldAtMs.has(kind) || toldAtMs.size >= MOST_KINDS) {
      leftOut += 1;
      return;
    }
    toldAtMs.set(kind, now);
    const before = leftOut;
    leftOut = 0;
    tell(told, before);
  };
}
