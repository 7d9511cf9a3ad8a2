// How much a tenant asks for: units a second over the last second or two, as the size of the next block wants to know it.

/** Length of one count, in milliseconds. */
const BUCKET_MS = 500;
/** Up to this rate, which is that of one unit in a count, a block is not worth its own return: units a second. */
const SLOWEST = 2;
/** Asked for on top of the rate, so that a second's block lasts a second. */
const HEADROOM = 1.25;
/** Without a request for this long nobody asks any more. */
const IDLE_MS = 2_000;

/** See the head of this file. Times are the process's monotonic clock. */
export class DemandRate {
  #bucketStartMs = Number.NEGATIVE_INFINITY;
  #units = 0;
  #unitsBefore = 0;

  add(cost: number, nowMs: number): void {
    this.#roll(nowMs);
    this.#units += cost;
  }

  /** Units that a block should hold for the next `spanMs`; 0 for a tenant that asks seldom. */
  unitsWithin(spanMs: number, nowMs: number): number {
    this.#roll(nowMs);
    // The count before and the part of the present one that has passed, or the rate would fall at each new count.
    const seconds = (BUCKET_MS + Math.max(0, nowMs - this.#bucketStartMs)) / 1000;
    const rate = (this.#unitsBefore + this.#units) / seconds;
    return rate <= SLOWEST ? 0 : Math.ceil((HEADROOM * rate * spanMs) / 1000);
  }

  isIdle(nowMs: number): boolean {
    return nowMs - this.#bucketStartMs > IDLE_MS;
  }

  #roll(nowMs: number): void {
    const passed = nowMs - this.#bucketStartMs;
    if (passed < BUCKET_MS) return;
    this.#unitsBefore = passed < 2 * BUCKET_MS ? this.#units : 0;
    this.#units = 0;
    this.#bucketStartMs = nowMs;
  }
}
