// What the counter store's clock shows, as far as this process can tell: the time of its last reply, and what has passed since.
// The windows of the next request and its deadline are made from it; the store itself still decides by its own reading.
import type { Clock } from '../../ports/clock.js';
import type { Observer } from '../../ports/observer.js';

/** See the head of this file. */
export class StoreClock {
  readonly #clock: Clock;
  readonly #observer: Pick<Observer, 'clockOffset'>;
  /** The store's time less this process's monotonic time, at the last reply. */
  #lead: number | undefined;

  constructor(clock: Clock, observer: Pick<Observer, 'clockOffset'>) {
    this.#clock = clock;
    this.#observer = observer;
  }

  /**
   * The store's time now, in milliseconds since 1970: the process's wall clock before any reply. It lags behind by the time
   * that the last reply was on its way, and is not ahead: a deadline made from it comes early rather than late.
   */
  estimateMs(): number {
    return this.#lead === undefined ? this.#clock.wallMs() : this.#clock.monotonicMs() + this.#lead;
  }

  /** The store's time `waitMs` from now, whole; undefined before it has told its time once: then no deadline can be given. */
  deadlineMs(waitMs: number): number | undefined {
    return this.#lead === undefined ? undefined : Math.floor(this.estimateMs() + waitMs);
  }

  /** Takes the time of a reply, at the moment of its arrival. The last one holds: the store's clock may have been set back. */
  observe(timeMs: number): void {
    this.#lead = timeMs - this.#clock.monotonicMs();
    this.#observer.clockOffset(Math.abs(timeMs - this.#clock.wallMs()));
  }
}
