// What `/readyz` says: whether everything answered once, and what does not answer now. Told by those who notice anyway, so
// that asking costs no query.
import type { Observer } from '../ports/observer.js';
import type { LiveProducer } from '../ports/usageLedger.js';

/** What does not answer now, by name; empty where all is well. */
export type Degradation = 'ledger' | 'counter_store' | 'other_producer_without_redis';

/** The state of an installation. */
export interface Readiness {
  /** Whether ledger, settings and counter store have answered once. */
  readonly ready: boolean;
  /** What hinders the start, for a person; undefined once ready, and before the first attempt. */
  readonly waitingFor: string | undefined;
  readonly degraded: readonly Degradation[];
}

/** See the head of this file. */
export class Health {
  #ready = false;
  #waitingFor: string | undefined;
  #ledgerAway = false;
  /** By the calls of requests. */
  #storeDown = false;
  /** By the connection, which also notices where no request comes. */
  #storeLost = false;
  /** Whether the store is being asked whether it is back. */
  #looks = false;
  #others: readonly LiveProducer[] = [];

  started(): void {
    this.#ready = true;
    this.#waitingFor = undefined;
  }

  /** Told of what hinders the start; afterwards it does not matter here. */
  waiting(step: string, reason: string): void {
    if (this.#ready) return;
    this.#waitingFor = `${step}: ${reason}`;
  }

  ledger(answers: boolean): void {
    this.#ledgerAway = !answers;
  }

  /** What it hears of requests. */
  readonly observer: Pick<Observer, 'storeDown' | 'storeUp' | 'storeCalled'> = {
    storeDown: () => {
      this.#storeDown = true;
    },
    storeUp: () => {
      this.#storeDown = false;
    },
    storeCalled: (outcome) => {
      if (outcome === 'answered') this.#storeLost = false;
    },
  };

  /** The counter store's connection broke, or could not be made. */
  storeLost(): void {
    this.#storeLost = true;
  }

  /**
   * Where the store does not answer: asks it again, in the background and once at a time, for the next who looks. An answer comes
   * back by the observer, as that to any request does: without this, a process that nobody asks anything would stay degraded.
   */
  recheckStore(look: () => Promise<unknown>): void {
    if (!(this.#storeDown || this.#storeLost) || this.#looks) return;
    this.#looks = true;
    const over = () => {
      this.#looks = false;
    };
    // That it is still away is no news.
    look().then(over, over);
  }

  /** Other processes that feed the ledger although this one counts alone. */
  others(producers: readonly LiveProducer[]): void {
    this.#others = producers;
  }

  get readiness(): Readiness {
    const degraded: Degradation[] = [];
    if (this.#ledgerAway) degraded.push('ledger');
    if (this.#storeDown || this.#storeLost) degraded.push('counter_store');
    if (this.#others.length > 0) degraded.push('other_producer_without_redis');
    return { ready: this.#ready, waitingFor: this.#waitingFor, degraded };
  }
}
