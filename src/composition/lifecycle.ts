// The life of an installation: waiting for its stores, running, ending. Start and end happen once each, whoever asks.
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises';
import { TallygateError } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import type { CounterStore } from '../ports/counterStore.js';
import type { Health } from './health.js';
import type { Log } from './log.js';
import { outageNotice } from './outageNotice.js';
import { type StartStep, start } from './start.js';

/** Longest wait of a command for the counter store. */
const COUNTERS_DEADLINE_MS = 5_000;

/** What begins and ends. */
export interface LifecycleParts {
  /** What is opened and loaded before the counter store, in this order. */
  readonly steps: readonly StartStep[];
  readonly store: CounterStore;
  /** Begins what runs from the start to the end; returns what ends it. */
  readonly follow: () => () => void;
  /** Decides nothing any more; resolves once no decision is under way. */
  readonly closeAdmission: () => Promise<void>;
  /** Flushes as far as it can; resolves to the rows that are left. */
  readonly flushAll: (deadlineMs: number) => Promise<number>;
  readonly closeDatabase: () => Promise<void>;
  readonly health: Health;
  readonly clock: Clock;
  readonly log: Log;
}

/** See the head of this file. */
export class Lifecycle {
  readonly #parts: LifecycleParts;
  readonly #ending = new AbortController();
  readonly #tellOfWaiting: (told: { readonly step: string; readonly reason: string }) => void;
  #starting: Promise<void> | undefined;
  #closing: Promise<number> | undefined;
  #stopFollowing = (): void => {};

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
    this.#tellOfWaiting = outageNotice(
      parts.clock,
      (told) => told.step,
      ({ step, reason }) => parts.log.warn({ waitingFor: step }, `Not ready, trying again: ${reason}`),
    );
  }

  /** Opens and loads what is needed, as often as it takes. Rejects with what will never come right by itself. */
  start(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(closedError());
    this.#starting ??= this.#begin();
    return this.#starting;
  }

  /**
   * The start of a command: each step once, so that what is away is told at once. Follows no changes afterwards, and does not
   * wait for the counter store, which most commands do not need.
   */
  startOnce(): Promise<void> {
    this.#starting ??= this.#beginOnce();
    return this.#starting;
  }

  /** Waits for the counter store, at most 5 s. @throws TallygateError `counter_store_unavailable` */
  async countersReady(): Promise<void> {
    const answered = this.#parts.store.ready().then(() => true);
    if (await Promise.race([answered, pause(COUNTERS_DEADLINE_MS, false, { ref: false })])) return;
    const message = `The counter store did not answer in ${COUNTERS_DEADLINE_MS} ms.`;
    throw new TallygateError('counter_store_unavailable', message);
  }

  /** Flushes and ends everything. Resolves to the rows of usage that could not be flushed. */
  close(deadlineMs: number): Promise<number> {
    this.#closing ??= this.#end(deadlineMs);
    return this.#closing;
  }

  async #begin(): Promise<void> {
    const { steps, store, health } = this.#parts;
    const onWaiting = (step: string, error: TallygateError) => {
      health.waiting(step, error.message);
      this.#tellOfWaiting({ step, reason: error.message });
    };
    const all = [...steps, { name: 'the counter store', run: () => store.ready() }];
    await start({ steps: all, onWaiting, signal: this.#ending.signal });
    if (this.#closing !== undefined) throw closedError();
    this.#stopFollowing = this.#parts.follow();
    health.started();
  }

  async #beginOnce(): Promise<void> {
    for (const step of this.#parts.steps) await step.run();
    this.#parts.health.started();
  }

  async #end(deadlineMs: number): Promise<number> {
    const { store, health, clock } = this.#parts;
    const endsAtMs = clock.monotonicMs() + deadlineMs;
    // What is only waited for gets a quarter each, so that at least half is left for the flush.
    const aWhile = () => pause(deadlineMs / 4, undefined, { ref: false });
    this.#ending.abort();
    // A start that still waits for the counter store ends with it. What hindered a start was told.
    if (!health.readiness.ready) await store.close();
    await Promise.race([this.#starting?.catch(() => undefined), aWhile()]);
    this.#stopFollowing();
    await Promise.race([this.#parts.closeAdmission(), aWhile()]);
    // Those that were just decided are metered in the turn after it.
    await immediate();
    const unflushed = await this.#parts.flushAll(Math.max(0, endsAtMs - clock.monotonicMs()));
    await store.close();
    await this.#parts.closeDatabase();
    return unflushed;
  }
}

const closedError = (): TallygateError => new TallygateError('closed', 'This Tallygate was closed.');
