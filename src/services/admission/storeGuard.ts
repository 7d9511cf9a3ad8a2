// A counter store around a counter store: whoever waits for the inner one waits only so long. It gives each charge the deadline
// after which the inner store must not make it any more, and tells the observer what became of it. What a failure means for the
// request is not decided here: admission has the policy.
//
// All waits share one timer. It is armed for the earliest of them, and in a healthy system finds nothing when it fires: by then
// the one it was armed for has been answered, so it is armed some four times a second, not once a request.
import { hasCode, TallygateError } from '../../core/errors.js';
import type { ChargeReply } from '../../core/quota/chargeReply.js';
import type { ChargeRequest } from '../../core/quota/chargeRequest.js';
import type { FinishReply, FinishRequest } from '../../core/quota/reservation.js';
import type { Clock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';
import type { Observer } from '../../ports/observer.js';
import type { StoreClock } from './storeClock.js';

/** Longest wait for the counter store unless told otherwise, in milliseconds. */
export const DEFAULT_STORE_TIMEOUT_MS = 250;
/** Waits that end within this time of each other may end together, so that an outage fires the timer 200 times a second at most. */
const TICK_MS = 5;

/** What it needs. */
export interface StoreGuardParts {
  readonly store: CounterStore;
  readonly storeClock: StoreClock;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'storeCalled'>;
  /** Wait of a charge that names none (`ChargeRequest.waitMs`), in milliseconds. @defaultValue 250 */
  readonly timeoutMs?: number;
}

/** What every answer tells: the store's clock. */
interface Answer {
  readonly timeMs: number;
}

interface Wait {
  readonly startedAtMs: number;
  readonly endsAtMs: number;
  readonly reject: (error: unknown) => void;
}

/** See the head of this file. */
export class StoreGuard implements CounterStore {
  readonly #parts: StoreGuardParts;
  readonly #timeoutMs: number;
  readonly #waits = new Set<Wait>();
  #timer: NodeJS.Timeout | undefined;
  #timerEndsAtMs = Number.POSITIVE_INFINITY;
  #timeouts = 0;
  /** Whether the store answers with values: then nothing travels, nothing can come late, and its clock is the process's. */
  #immediate = false;

  constructor(parts: StoreGuardParts) {
    this.#parts = parts;
    this.#timeoutMs = parts.timeoutMs ?? DEFAULT_STORE_TIMEOUT_MS;
  }

  /** The inner store's, and a step for each wait that ended: the store may have forgotten meanwhile. */
  get generation(): number {
    return this.#parts.store.generation + this.#timeouts;
  }

  charge(request: ChargeRequest): ChargeReply | Promise<ChargeReply> {
    const waitMs = request.waitMs ?? this.#timeoutMs;
    if (waitMs <= 0) return this.#tooLate();
    return this.#guarded(
      this.#parts.store.charge(this.#immediate ? request : this.#withDeadline(request, waitMs)),
      waitMs,
    );
  }

  finish(request: FinishRequest): FinishReply | Promise<FinishReply> {
    const waitMs = request.waitMs ?? this.#timeoutMs;
    return waitMs <= 0 ? this.#tooLate() : this.#guarded(this.#parts.store.finish(request), waitMs);
  }

  ready(): Promise<void> {
    return this.#parts.store.ready();
  }

  close(): Promise<void> {
    return this.#parts.store.close();
  }

  #withDeadline(request: ChargeRequest, waitMs: number): ChargeRequest {
    const { storeClock } = this.#parts;
    if (!storeClock.known) return request;
    const deadlineMs = Math.floor(storeClock.estimateMs() + waitMs);
    return { ...request, deadlineMs: Math.min(deadlineMs, request.deadlineMs ?? deadlineMs) };
  }

  #guarded<T extends Answer>(reply: T | Promise<T>, waitMs: number): T | Promise<T> {
    if (reply instanceof Promise) return this.#answered(reply, waitMs);
    this.#immediate = true;
    this.#parts.observer.storeCalled('answered', 0);
    return reply;
  }

  #answered<T extends Answer>(reply: Promise<T>, waitMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const startedAtMs = this.#parts.clock.monotonicMs();
      const wait: Wait = { startedAtMs, endsAtMs: startedAtMs + waitMs, reject };
      this.#waits.add(wait);
      this.#arm(wait.endsAtMs, startedAtMs);
      reply.then(
        (answer) => {
          // Also after the wait has ended: its time is as true as any.
          this.#parts.storeClock.observe(answer.timeMs);
          if (this.#settle(wait, 'answered')) resolve(answer);
        },
        (error) => {
          if (this.#settle(wait, hasCode(error, 'counter_store_timeout') ? 'timeout' : 'unavailable')) reject(error);
        },
      );
    });
  }

  /** Whether the wait was still open. */
  #settle(wait: Wait, outcome: 'answered' | 'unavailable' | 'timeout'): boolean {
    if (!this.#waits.delete(wait)) return false;
    // A timer that nobody waits for must not hold the process open; it is kept, since the next charge needs it again.
    if (this.#waits.size === 0) this.#timer?.unref();
    this.#parts.observer.storeCalled(outcome, (this.#parts.clock.monotonicMs() - wait.startedAtMs) / 1000);
    return true;
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
    const now = this.#parts.clock.monotonicMs();
    let earliest = Number.POSITIVE_INFINITY;
    for (const wait of [...this.#waits]) {
      if (wait.endsAtMs > now) earliest = Math.min(earliest, wait.endsAtMs);
      else this.#timeOut(wait);
    }
    if (earliest < Number.POSITIVE_INFINITY) this.#arm(earliest, now);
  }

  #timeOut(wait: Wait): void {
    this.#timeouts += 1;
    if (!this.#settle(wait, 'timeout')) return;
    const waited = Math.round(wait.endsAtMs - wait.startedAtMs);
    wait.reject(
      new TallygateError(
        'counter_store_timeout',
        `The counter store did not answer within ${waited} ms; whether it charged is unknown`,
      ),
    );
  }

  /** The time was used up before the store was asked: nothing was sent, so nothing was charged. */
  #tooLate(): Promise<never> {
    this.#parts.observer.storeCalled('unavailable', 0);
    return Promise.reject(
      new TallygateError('counter_store_unavailable', 'No time was left to ask the counter store; nothing was charged'),
    );
  }
}
