// A counter store around a counter store: while the inner one fails nobody waits for it. After some failures in a row it is asked by
// one call a second only; everybody else is refused at once, and the policy holds. The first answer ends that.
//
// States: `closed` (failures in a row are counted) -> `open` (since when, and when the next probe is due) -> `closed`.
import { hasCode, TallygateError } from '../../core/errors.js';
import type { ChargeReply } from '../../core/quota/chargeReply.js';
import type { ChargeRequest } from '../../core/quota/chargeRequest.js';
import type { FinishReply, FinishRequest } from '../../core/quota/reservation.js';
import type { Clock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';
import type { Observer } from '../../ports/observer.js';

/** Failures in a row after which nobody waits any more. */
const FAILURES_TO_OPEN = 5;
/** Between two probes, in milliseconds. */
const PROBE_INTERVAL_MS = 1_000;

/** What it needs. */
export interface StoreBreakerParts {
  readonly store: CounterStore;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly observer: Pick<Observer, 'storeDown' | 'storeUp'>;
}

/** See the head of this file. */
export class StoreBreaker implements CounterStore {
  readonly #parts: StoreBreakerParts;
  #failures = 0;
  #openSinceMs: number | undefined;
  #probeDueMs = 0;

  constructor(parts: StoreBreakerParts) {
    this.#parts = parts;
  }

  get generation(): number {
    return this.#parts.store.generation;
  }

  /** Whether a call now would be refused at once, as no probe is due. */
  get isRefusing(): boolean {
    return this.#openSinceMs !== undefined && this.#parts.clock.monotonicMs() < this.#probeDueMs;
  }

  charge(request: ChargeRequest): ChargeReply | Promise<ChargeReply> {
    return this.#refused() ?? this.#watched(() => this.#parts.store.charge(request));
  }

  finish(request: FinishRequest): FinishReply | Promise<FinishReply> {
    return this.#refused() ?? this.#watched(() => this.#parts.store.finish(request));
  }

  ready(): Promise<void> {
    return this.#parts.store.ready();
  }

  close(): Promise<void> {
    return this.#parts.store.close();
  }

  /** The refusal of a call that is no probe. */
  #refused(): Promise<never> | undefined {
    if (this.#openSinceMs === undefined) return undefined;
    const now = this.#parts.clock.monotonicMs();
    if (now >= this.#probeDueMs) {
      this.#probeDueMs = now + PROBE_INTERVAL_MS;
      return undefined;
    }
    return Promise.reject(
      new TallygateError('counter_store_unavailable', 'The counter store does not answer; nothing was charged'),
    );
  }

  #watched<T>(call: () => T | Promise<T>): T | Promise<T> {
    const generation = this.#parts.store.generation;
    const failed = (error: unknown): never => {
      this.#failed(error, generation);
      throw error;
    };
    try {
      const reply = call();
      if (!(reply instanceof Promise)) return reply;
      return reply.then((answer) => {
        this.#answered();
        return answer;
      }, failed);
    } catch (error) {
      return failed(error);
    }
  }

  #answered(): void {
    this.#failures = 0;
    if (this.#openSinceMs === undefined) return;
    const downMs = this.#parts.clock.monotonicMs() - this.#openSinceMs;
    this.#openSinceMs = undefined;
    this.#parts.observer.storeUp(downMs);
  }

  #failed(error: unknown, generation: number): void {
    if (!hasCode(error, 'counter_store_unavailable', 'counter_store_timeout')) return;
    if (error.code === 'counter_store_unavailable' && this.#parts.store.generation === generation) {
      // A store that refuses one key, and says why, answers: whatever is wrong with one tenant must not hurt the others. Without a
      // cause it was not asked: no time was left, or too many calls wait.
      if (error.cause !== undefined) this.#answered();
      return;
    }
    this.#failures += 1;
    if (this.#openSinceMs !== undefined || this.#failures < FAILURES_TO_OPEN) return;
    const now = this.#parts.clock.monotonicMs();
    this.#openSinceMs = now;
    this.#probeDueMs = now + PROBE_INTERVAL_MS;
    this.#parts.observer.storeDown(error.message);
  }
}
