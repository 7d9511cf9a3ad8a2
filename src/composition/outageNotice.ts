// Tells of an outage at once and then every half minute, not at each attempt: a log that floods is a second outage.
import type { Clock } from '../ports/clock.js';

const TELL_AGAIN_MS = 30_000;
/** Most kinds that are kept apart; the one told longest ago is forgotten first, and would merely be told again. */
const MOST_KINDS = 50;

/** `tell`, called only where what it would tell is of a new kind (`about`), or its kind was last told half a minute ago. */
export function outageNotice<Told>(
  clock: Clock,
  about: (told: Told) => string,
  tell: (told: Told) => void,
): (told: Told) => void {
  /** When each kind was told last, the oldest first. */
  const toldAtMs = new Map<string, number>();
  return (told) => {
    const now = clock.monotonicMs();
    const kind = about(told);
    const last = toldAtMs.get(kind);
    if (last !== undefined && now - last < TELL_AGAIN_MS) return;
    toldAtMs.delete(kind);
    toldAtMs.set(kind, now);
    const [oldest] = toldAtMs.keys();
    if (toldAtMs.size > MOST_KINDS && oldest !== undefined) toldAtMs.delete(oldest);
    tell(told);
  };
}
