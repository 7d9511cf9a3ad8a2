// A ledger of storage levels in memory, and the collection on it: what the port promises, with a clock that a test sets.
import { TallygateError } from '../../src/core/errors.js';
import type { ClaimRequest, CollectionState, StorageCollections } from '../../src/ports/storageCollections.js';

type State = Omit<CollectionState, 'nowMs'>;
const NOTHING = { claimedUntilMs: undefined, failure: undefined, retryAtMs: undefined };

export class ModelCollections implements StorageCollections {
  readonly levels = new Map<string, { bytes: number; atMs: number }>();
  readonly noted = new Map<string, number>();
  /** Instants of the runs that ended well. */
  readonly finishedAtMs: number[] = [];
  /** Whether it answers. */
  isAway = false;
  /** Runs before each call: a test fails one, or has something happen. */
  before: (call: string) => void = () => {};
  #state: State = { runNumber: 0, last: undefined, failures: 0, ...NOTHING };
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  async state(): Promise<CollectionState> {
    this.#called('state');
    return { nowMs: this.#nowMs(), ...this.#state };
  }

  async claim({ after, everyMs, holdMs, retryMs }: ClaimRequest) {
    this.#called('claim');
    const { runNumber, last, claimedUntilMs = 0, retryAtMs = 0, failures } = this.#state;
    const nowMs = this.#nowMs();
    const dueAtMs = last === undefined ? 0 : last.collectedAtMs + everyMs;
    if (after !== runNumber || Math.max(dueAtMs, claimedUntilMs, retryAtMs) > nowMs) return undefined;
    this.#set({
      runNumber: runNumber + 1,
      failures: failures + 1,
      claimedUntilMs: nowMs + holdMs,
      retryAtMs: nowMs + retryMs,
    });
    return { runNumber: runNumber + 1, claimedAtMs: nowMs };
  }

  async renew(runNumber: number, holdMs: number) {
    this.#called('renew');
    if (!this.#holds(runNumber) || this.#state.claimedUntilMs === undefined) return false;
    this.#set({ claimedUntilMs: this.#nowMs() + holdMs });
    return true;
  }

  async note(runNumber: number, tenantIds: readonly string[]) {
    this.#called('note');
    if (!this.#holds(runNumber)) return undefined;
    const repeated = new Set(tenantIds.filter((id) => this.noted.get(id) === runNumber));
    for (const id of tenantIds) this.noted.set(id, runNumber);
    const known = tenantIds.flatMap((id) => {
      const level = this.levels.get(id);
      return level === undefined ? [] : [[id, level] as const];
    });
    return { repeated, levels: new Map(known) };
  }

  async vanished(runNumber: number, most: number) {
    this.#called('vanished');
    const gone: string[] = [];
    for (const [id, run] of this.noted) {
      if (gone.length === most) break;
      if (run < runNumber) gone.push(id);
    }
    return gone;
  }

  async forget(runNumber: number, tenantIds: readonly string[]) {
    this.#called('forget');
    const old = this.#holds(runNumber) ? tenantIds.filter((id) => (this.noted.get(id) ?? runNumber) < runNumber) : [];
    for (const id of old) this.noted.delete(id);
    return old.length;
  }

  async finish({ runNumber, claimedAtMs }: { runNumber: number; claimedAtMs: number }, tenants: number) {
    this.#called('finish');
    if (!this.#holds(runNumber)) return false;
    this.finishedAtMs.push(claimedAtMs);
    const last = { runNumber, collectedAtMs: claimedAtMs, tenants, everyMs: 0 };
    this.#set({ last, failures: 0, ...NOTHING });
    return true;
  }

  async fail(runNumber: number, failure: string, retryMs: number) {
    this.#called('fail');
    if (!this.#holds(runNumber)) return;
    this.#set({ claimedUntilMs: undefined, failure, retryAtMs: this.#nowMs() + retryMs });
  }

  async release(runNumber: number) {
    this.#called('release');
    if (!this.#holds(runNumber)) return;
    this.#set({ claimedUntilMs: undefined, retryAtMs: undefined, failures: this.#state.failures - 1 });
  }

  #holds(runNumber: number): boolean {
    return this.#state.runNumber === runNumber;
  }

  #set(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
  }

  #called(call: string): void {
    this.before(call);
    if (this.isAway) throw new TallygateError('ledger_unavailable', 'the ledger is away');
  }
}

/** A process that books levels: they wait until they are flushed. `crash` loses what waits. */
export class ModelBooking {
  readonly waiting: { tenantId: string; bytes: number; atMs: number }[] = [];
  booked = 0;
  mostWaiting = 0;
  readonly #ledger: ModelCollections;

  constructor(ledger: ModelCollections) {
    this.#ledger = ledger;
  }

  readonly record = (tenantId: string, bytes: number, atMs: number): void => {
    this.booked += 1;
    this.waiting.push({ tenantId, bytes, atMs });
    this.mostWaiting = Math.max(this.mostWaiting, this.waiting.length);
  };

  readonly flush = async (): Promise<void> => {
    this.#ledger.before('flush');
    if (this.#ledger.isAway) throw new TallygateError('ledger_unavailable', 'the ledger is away');
    for (const { tenantId, bytes, atMs } of this.waiting.splice(0)) {
      const level = this.#ledger.levels.get(tenantId);
      if (level === undefined || level.atMs <= atMs) this.#ledger.levels.set(tenantId, { bytes, atMs });
    }
  };
}
