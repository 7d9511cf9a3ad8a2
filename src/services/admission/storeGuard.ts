// A counter store around a counter store: whoever waits for the inner one waits only so long. It gives each charge the deadline
// after which the inner store must not make it any more, and tells the observer what became of it. What a failure means for the
// request is not decided here: admission has the policy.
import { hasCode, TallygateError } from '../../core/errors.js';
import type { ChargeReply } from '../../core/quota/chargeReply.js';
import type { ChargeRequest } from '../../core/quota/chargeRequest.js';
import type { FinishReply, FinishRequest } from '../../core/quota/reservation.js';
import type { Clock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';
import type { Observer } from '../../ports/observer.js';
import type { StoreClock } from './storeClock.js';
import { type Wait, Waits } from './waits.js';

/** Longest wait for the counter store unless told otherwise, in milliseconds. */
export const DEFAULT_STORE_TIMEOUT_MS = 250;

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

/** See the head of this file. */
export class StoreGuard implements CounterStore {
  readonly #parts: StoreGuardParts;
  readonly #timeoutMs: number;
  readonly #waits: Waits;
  #timeouts = 0;
  /** Whether the store answers with values: then nothing travels, nothing can come late, and its clock is the process's. */
  #immediate = false;

  constructor(parts: StoreGuardParts) {
    this.#parts = parts;
    this.#timeoutMs = parts.timeoutMs ?? DEFAULT_STORE_TIMEOUT_MS;
    this.#waits = new Waits(parts.clock);
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
    const deadlineMs = this.#parts.storeClock.deadlineMs(waitMs);
    if (deadlineMs === undefined) return request;
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
      const wait: Wait = this.#waits.begin(waitMs, () => {
        this.#timeouts += 1;
        this.#tell('timeout', wait);
        reject(timedOut(waitMs));
      });
      reply.then(
        (answer) => {
          // Also after the wait has ended: its time is as true as any.
          this.#parts.storeClock.observe(answer.timeMs);
          if (!this.#waits.settle(wait)) return;
          this.#tell('answered', wait);
          resolve(answer);
        },
        (error) => {
          if (!this.#waits.settle(wait)) return;
          this.#tell(hasCode(error, 'counter_store_timeout') ? 'timeout' : 'unavailable', wait);
          reject(error);
        },
      );
    });
  }

  #tell(outcome: 'answered' | 'unavailable' | 'timeout', wait: Wait): void {
    const { observer, clock } = this.#parts;
    observer.storeCalled(outcome, (clock.monotonicMs() - wait.startedAtMs) / 1000);
  }

  /** The time was used up before the store was asked: nothing was sent, so nothing was charged. */
  #tooLate(): Promise<never> {
    this.#parts.observer.storeCalled('unavailable', 0);
    return Promise.reject(noTimeLeft());
  }
}

/** The store was asked and did not answer in time. */
export const timedOut = (waitMs: number): TallygateError =>
  new TallygateError(
    'counter_store_timeout',
    `The counter store did not answer within ${Math.round(waitMs)} ms; whether it charged is unknown`,
  );

/** The store was not asked. */
export const noTimeLeft = (): TallygateError =>
  new TallygateError('counter_store_unavailable', 'No time was left to ask the counter store; nothing was charged');
