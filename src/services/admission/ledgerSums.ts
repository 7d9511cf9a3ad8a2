// Asks the ledger what windows of tenants were charged: many tenants in one query, one query in flight, and nobody waits longer
// than one reading may take, however many wait before him. Remembers that the ledger is away, so that an outage costs one wait
// and not one a request.
//
// States: `answers` -> `away` after a failure or a reading that took too long -> `untried` a second later -> `trying` once
// somebody has said so. A reading that succeeds leads back to `answers` from any of them, one that fails to `away`. Who must know
// reads in all states but `away`; who can go on without leaves it at one reading in the background (`rehydration.ts`).
import { hasCode, TallygateError } from '../../core/errors.js';
import type { Clock } from '../../ports/clock.js';
import type { ChargeSumQuery } from '../../ports/usageLedger.js';

/** Most sums in one query; what waits beyond goes with the next one. */
const MAX_SUMS_PER_QUERY = 5_000;
/** Most sums that wait for a query. Beyond it the ledger does not keep up, and counts as away. */
const MAX_WAITING_SUMS = 50_000;
/** Longest wait of a reading, that for the queries before it included; then the ledger counts as away. */
const READING_DEADLINE_MS = 2_000;
/** After a failure nothing is asked for this long. */
const RETRY_MS = 1_000;

/** What it needs. */
export interface LedgerSumsParts {
  /** The sums, in order; rejects with a ledger error. */
  readonly sumCharges: (queries: readonly ChargeSumQuery[]) => Promise<readonly number[]>;
  readonly clock: Clock;
}

/** The sums that one caller waits for. */
interface Reading {
  readonly resolve: (sums: readonly number[]) => void;
  readonly reject: (error: unknown) => void;
  readonly sums: number[];
  left: number;
  /** Answered or given up: what of it still waits is not asked any more. */
  over: boolean;
}

interface Waiting {
  readonly query: ChargeSumQuery;
  readonly reading: Reading;
  readonly index: number;
}

/** See the head of this file. */
export class LedgerSums {
  readonly #parts: LedgerSumsParts;
  #waiting: Waiting[] = [];
  #asking = false;
  #away = false;
  #retryAtMs = 0;
  #tryingUntilMs = 0;

  constructor(parts: LedgerSumsParts) {
    this.#parts = parts;
  }

  /** `away`: asking would wait in vain. `untried`: away a moment ago, and it is time to try; `trying`: somebody does. */
  get state(): 'answers' | 'away' | 'untried' | 'trying' {
    if (!this.#away) return 'answers';
    const now = this.#parts.clock.monotonicMs();
    if (now < this.#retryAtMs) return 'away';
    return now < this.#tryingUntilMs ? 'trying' : 'untried';
  }

  /** Says that somebody tries, so that those who need not know leave it at that one. */
  trying(): void {
    this.#tryingUntilMs = this.#parts.clock.monotonicMs() + READING_DEADLINE_MS + RETRY_MS;
  }

  /** The sums in order; undefined where the ledger does not answer within 2 s. */
  async read(queries: readonly ChargeSumQuery[]): Promise<readonly number[] | undefined> {
    try {
      const sums = await this.#reading(queries);
      this.#away = false;
      return sums;
    } catch (error) {
      if (!hasCode(error, 'ledger_unavailable', 'ledger_refused', 'migrations_pending')) throw error;
      this.#away = true;
      this.#retryAtMs = this.#parts.clock.monotonicMs() + RETRY_MS;
      return undefined;
    }
  }

  #reading(queries: readonly ChargeSumQuery[]): Promise<readonly number[]> {
    if (queries.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      const late = () => end(reading, tooLate(`The ledger did not tell its sums within ${READING_DEADLINE_MS} ms`));
      const timer = setTimeout(late, READING_DEADLINE_MS);
      const reading: Reading = {
        resolve: (sums) => {
          clearTimeout(timer);
          resolve(sums);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
        sums: [],
        left: queries.length,
        over: false,
      };
      if (this.#waiting.length + queries.length > MAX_WAITING_SUMS) {
        end(reading, tooLate(`${MAX_WAITING_SUMS} sums wait for the ledger already`));
        return;
      }
      for (const [index, query] of queries.entries()) this.#waiting.push({ query, reading, index });
      if (!this.#asking) void this.#ask();
    });
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    // All that start in this turn are gathered before the first query is sent.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_SUMS_PER_QUERY).filter(({ reading }) => !reading.over);
      if (batch.length === 0) continue;
      try {
        const sums = await this.#parts.sumCharges(batch.map((one) => one.query));
        for (const [position, one] of batch.entries()) take(one, sums[position] ?? 0);
      } catch (error) {
        // Those behind would only wait in vain, each for a deadline of its own.
        for (const { reading } of [...batch, ...this.#waiting.splice(0)]) end(reading, error);
      }
    }
    this.#asking = false;
  }
}

function take({ reading, index }: Waiting, sum: number): void {
  reading.sums[index] = sum;
  reading.left -= 1;
  if (reading.left > 0 || reading.over) return;
  reading.over = true;
  reading.resolve(reading.sums);
}

function end(reading: Reading, error: unknown): void {
  if (reading.over) return;
  reading.over = true;
  reading.reject(error);
}

const tooLate = (message: string): TallygateError => new TallygateError('ledger_unavailable', message);
