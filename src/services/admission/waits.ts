// Waits that end: whoever waits for a reply waits only so long. All of them share one timer. It is armed for the earliest, and in a
// healthy system finds nothing when it fires: by then the one it was armed for has been answered, so it is armed some four times a
// second, not once a request.
import type { Clock } from '../../ports/clock.js';

/** Waits that end within this time of each other may end together, so that an outage fires the timer 200 times a second at most. */
const TICK_MS = 5;

/** One wait, from when to when by the monotonic clock. */
export interface Wait {
  readonly startedAtMs: number;
  readonly endsAtMs: number;
  /** Called once, where the wait ends before `settle`. */
  readonly onTimeout: () => void;
}

/** See the head of this file. Holds the process open only while somebody waits. */
export class Waits {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #open = new Set<Wait>();
  #timer: NodeJS.Timeout | undefined;
  #timerEndsAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Begins a wait of `waitMs` from now. */
  begin(waitMs: number, onTimeout: () => void): Wait {
    const startedAtMs = this.#clock.monotonicMs();
    const wait = { startedAtMs, endsAtMs: startedAtMs + waitMs, onTimeout };
    this.#open.add(wait);
    this.#arm(wait.endsAtMs, startedAtMs);
    return wait;
  }

  /** Ends a wait that was answered. Whether it was still open: its time may be over already. */
  settle(wait: Wait): boolean {
    const wasOpen = this.#open.delete(wait);
    // A timer that nobody waits for must not hold the process open; it is kept, since the next wait needs it again.
    if (this.#open.size === 0) this.#timer?.unref();
    return wasOpen;
  }

  #arm(endsAtMs: number, nowMs: number): void {
    if (this.#timer !== undefined && this.#timerEndsAtMs <= endsAtMs) {
      this.#timer.ref();
      return;
    }
    clearTimeout(this.#timer);
    this.#timerEndsAtMs = endsAtMs;
    // Timers run before sockets are read. A reply that came while the event loop was busy is read first, and counts.
    this.#timer = setTimeout(() => setImmediate(() => this.#expire()), Math.max(TICK_MS, Math.ceil(endsAtMs - nowMs)));
  }

  #expire(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = this.#clock.monotonicMs();
    let earliest = Number.POSITIVE_INFINITY;
    const over: Wait[] = [];
    for (const wait of this.#open) {
      if (wait.endsAtMs > now) earliest = Math.min(earliest, wait.endsAtMs);
      else over.push(wait);
    }
    over.sort((one, other) => one.endsAtMs - other.endsAtMs);
    // The end of one may settle another.
    for (const wait of over) if (this.#open.delete(wait)) wait.onTimeout();
    if (earliest < Number.POSITIVE_INFINITY) this.#arm(earliest, now);
  }
}
