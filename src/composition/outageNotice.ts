// Tells of an outage at once and then every half minute, not at each attempt: a log that floods is a second outage.
import type { Clock } from '../ports/clock.js';

const TELL_AGAIN_MS = 30_000;

/** `tell`, called only where what it would tell is new (by `about`) or was last told half a minute ago. */
export function outageNotice<Told>(
  clock: Clock,
  about: (told: Told) => string,
  tell: (told: Told) => void,
): (told: Told) => void {
  let last: { readonly about: string; readonly atMs: number } | undefined;
  return (told) => {
    const now = clock.monotonicMs();
    const present = about(told);
    if (last !== undefined && last.about === present && now - last.atMs < TELL_AGAIN_MS) return;
    last = { about: present, atMs: now };
    tell(told);
  };
}
