// The requests of a log in the order of their time. A server writes a line when its answer ends and with the time at which the request
// came, so a log is only nearly sorted; a quota decides at the arrival.

/** A line waits until the log is so far ahead of it: answers that take longer are rare. */
export const WAIT_MS = 5 * 60_000;
/** Lines that wait at most: about 5 MB. */
const MAX_WAITING = 50_000;

interface Waiting {
  readonly tenantId: string;
  readonly instantMs: number;
  /** In the order of the log: requests of one instant keep it. */
  readonly number: number;
}

/** Takes a request at its instant, in milliseconds since 1970. Instants never fall from one call to the next. */
export type RequestTaker = (tenantId: string, instantMs: number) => void;

/**
 * Hands requests on in the order of time, as far as waiting puts them there. One that comes too late even for that is handed on
 * at the instant of the one before it, as a clock never goes back, and counted.
 *
 * `#heap` is a binary heap, the earliest first. A single line far in the future waits in it to the end and disturbs nothing.
 */
export class TimeOrder {
  readonly #take: RequestTaker;
  readonly #heap: Waiting[] = [];
  #latestMs = Number.NEGATIVE_INFINITY;
  #handedMs = Number.NEGATIVE_INFINITY;
  #number = 0;
  #late = 0;

  constructor(take: RequestTaker) {
    this.#take = take;
  }

  /** Lines that came too late to be put in order. */
  get late(): number {
    return this.#late;
  }

  add(tenantId: string, instantMs: number): void {
    if (instantMs > this.#latestMs) this.#latestMs = instantMs;
    this.#push({ tenantId, instantMs, number: this.#number++ });
    while (this.#heap.length > MAX_WAITING || this.#isDue()) this.#handOn(this.#pop());
  }

  /** No more will come. */
  end(): void {
    while (this.#heap.length > 0) this.#handOn(this.#pop());
  }

  #isDue(): boolean {
    const first = this.#heap[0];
    return first !== undefined && first.instantMs < this.#latestMs - WAIT_MS;
  }

  #handOn({ tenantId, instantMs }: Waiting): void {
    if (instantMs < this.#handedMs) this.#late += 1;
    else this.#handedMs = instantMs;
    this.#take(tenantId, this.#handedMs);
  }

  #push(added: Waiting): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Waiting;
      if (!isBefore(added, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = added;
  }

  #pop(): Waiting {
    const heap = this.#heap;
    const first = heap[0] as Waiting;
    const last = heap.pop() as Waiting;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  /** Puts `moved` where the first was, and lets it sink to its place. */
  #sink(moved: Waiting): void {
    const heap = this.#heap;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Waiting)) child += 1;
      const below = heap[child] as Waiting;
      if (!isBefore(below, moved)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = moved;
  }
}

const isBefore = (one: Waiting, other: Waiting): boolean =>
  one.instantMs < other.instantMs || (one.instantMs === other.instantMs && one.number < other.number);
