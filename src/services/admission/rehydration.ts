// What a counter store forgot comes back from the ledger. Knows which tenants' counters still need the ledger's word, and what
// this process itself has seen of them.
//
// A tenant is due when this process has not yet told the present store of its sums: on its first call, after a changed set of
// limits, after a (re)connect or error of the store, where the store says that a counter was only provisional or shows less than
// before, after an outage policy let something pass, and once more after the next flush interval, which heals a lagging replica, a
// restart from an old snapshot, and what other processes had not flushed at the first reading. Sending a sum twice is harmless: the
// store takes the maximum.

import { OWN_UNITS } from '../../core/meter.js';
import type { CountedWindow, DecidedReply } from '../../core/quota/chargeReply.js';
import type { CounterFloor } from '../../core/quota/chargeRequest.js';
import { addedCost, costRow, isLook, NO_COST, type RequestCost } from '../../core/quota/cost.js';
import { saturatingSum } from '../../core/quota/counter.js';
import {
  isFixedWindow,
  isInLedger,
  meterNameOf,
  type PlannedWindow,
  type WindowPlan,
} from '../../core/quota/windows.js';
import type { Clock } from '../../ports/clock.js';
import type { ChargeSumQuery } from '../../ports/usageLedger.js';
import { lastKnown, merged, meterAt, type SeenPlan, spentOf, withCharge } from './knownCounts.js';
import { LedgerSums } from './ledgerSums.js';
import { type Floors, NOTHING, type Standing, Standings } from './standings.js';

/** No process flushes more often by itself, so nothing new can be in the ledger sooner. */
const SHORTEST_FLUSH_INTERVAL_MS = 250;

/** What it needs. */
export interface RehydrationParts {
  /** The sums, in order; rejects with a ledger error within 2 s. */
  readonly sumCharges: (queries: readonly ChargeSumQuery[]) => Promise<readonly number[]>;
  /** Brings this process's own unflushed charges of a tenant to the ledger, as far as it can within 250 ms. */
  readonly flushCharges: (tenantId: string) => Promise<void>;
  /** Generation of the counter store: see the port. */
  readonly generation: () => number;
  readonly flushIntervalMs: number;
  readonly clock: Clock;
}

/** See the head of this file. */
export class Rehydration {
  readonly #parts: RehydrationParts;
  readonly #sums: LedgerSums;
  readonly #healAfterMs: number;
  readonly #standings = new Standings();

  constructor(parts: RehydrationParts) {
    this.#parts = parts;
    this.#sums = new LedgerSums(parts);
    this.#healAfterMs = Math.max(SHORTEST_FLUSH_INTERVAL_MS, parts.flushIntervalMs);
  }

  /** Whether the tenant's next charge should carry the ledger's sums. */
  isDue(tenantId: string, limits: object): boolean {
    const standing = this.#standings.get(tenantId);
    if (standing === undefined || standing.limits !== limits) return true;
    if (standing.provisional || standing.generation !== this.#parts.generation()) return true;
    return !standing.healed && this.#parts.clock.monotonicMs() - standing.sentAtMs >= this.#healAfterMs;
  }

  /**
   * The least that the tenant's present windows have counted, by the ledger and by what this process saw; undefined where
   * the ledger does not answer. This process's own charges are flushed first: what was granted here and is only in its
   * buffer must not be granted again.
   */
  async floorsOf(tenantId: string, plan: SeenPlan, resetNumber: number): Promise<Floors | undefined> {
    return this.#sums.state === 'away' ? undefined : this.#read(tenantId, plan, resetNumber);
  }

  /**
   * The same for a call that can go on without. While the ledger is away it does not wait: one reading in the background
   * finds out when the ledger answers again.
   * @param isLook a look writes no floors and so stays due: it takes those of the flush interval before, or a tenant that only
   *   ever looks would have the ledger flushed and asked on each request
   */
  async optionalFloorsOf(
    tenantId: string,
    plan: SeenPlan,
    resetNumber: number,
    isLook: boolean,
  ): Promise<Floors | undefined> {
    const recent = isLook ? this.#recentFloors(tenantId, plan, resetNumber) : undefined;
    if (recent !== undefined) return recent;
    if (this.#sums.state === 'answers') return this.#read(tenantId, plan, resetNumber);
    if (this.#sums.state === 'untried') {
      this.#sums.trying();
      // What it might reject with is no ledger's error; whoever waits for the next reading is told.
      this.#read(tenantId, plan, resetNumber).catch(() => undefined);
    }
    return undefined;
  }

  /**
   * Floors from what this process itself saw, for the time when neither store nor ledger can be trusted to know. That of a sliding window
   * starts when all of what was seen has left: no store can raise segments by it, but the outage policy counts it.
   */
  lastKnownFloors(tenantId: string, plan: SeenPlan, resetNumber: number): Floors {
    return this.#seenFloors(tenantId, plan, resetNumber, ({ used }) => used);
  }

  /**
   * The same for a store that counts on and may have lost some: without what was held, which may have been given back there since. The
   * estimate of a reservation would come again with the floor.
   */
  spentFloors(tenantId: string, plan: SeenPlan, resetNumber: number): Floors {
    return this.#seenFloors(tenantId, plan, resetNumber, spentOf);
  }

  #seenFloors(tenantId: string, plan: SeenPlan, resetNumber: number, figure: (one: CountedWindow) => number): Floors {
    const standing = this.#standings.get(tenantId);
    if (standing === undefined || standing.resetNumber !== resetNumber) return plan.windows.map(() => undefined);
    return plan.windows.map((window) => {
      if (!isFixedWindow(window)) return slidingFloor(standing, window.field);
      const used = lastKnown(standing, window, plan, figure);
      return used === undefined ? undefined : { start: window.starts[1], used };
    });
  }

  /**
   * The store took the ledger's floors: the tenant is due again only for a reason.
   * @param forgotten the store had said that it does not know: others may have charges of that time that they have not flushed
   */
  sent(tenantId: string, limits: object, generation: number, forgotten: boolean): void {
    const standing = this.#standings.remembered(tenantId);
    const now = this.#parts.clock.monotonicMs();
    const again = standing.limits === limits && standing.generation === generation && !standing.provisional;
    if (again && !forgotten) {
      // Requests that came together carry floors together: only one of a flush interval later heals.
      if (now - standing.sentAtMs < this.#healAfterMs) return;
      standing.healed = true;
    } else {
      standing.healed = false;
    }
    standing.limits = limits;
    standing.generation = generation;
    standing.sentAtMs = now;
    standing.provisional = false;
  }

  /**
   * Remembers what the store told last, and notices where it shows less than before.
   * @param charge units that the same call charged beside its block, by meter; undefined: none
   * @param isHeld whether they are a reservation's
   * @returns what an outage policy had let pass since the answer before
   */
  counted(
    tenantId: string,
    plan: WindowPlan,
    reply: DecidedReply,
    charge: readonly number[] | undefined,
    isHeld: boolean,
  ): RequestCost {
    const standing = this.#standings.get(tenantId) ?? this.#standings.remembered(tenantId);
    const { windows, resetNumber, block } = reply;
    const { seen, seenPlan, seenCharge, seenHeld } = standing;
    const before = standing.resetNumber === resetNumber ? seen : undefined;
    if (standing.resetNumber !== resetNumber) standing.known = [];
    standing.resetNumber = resetNumber;
    standing.seen = windows;
    standing.seenPlan = plan;
    standing.seenCharge = withBlock(charge, block);
    standing.seenHeld = isHeld ? standing.seenCharge : withBlock(undefined, block);
    for (let index = 0; index < windows.length; index += 1) {
      const window = windows[index] as CountedWindow;
      if (window.provisional) standing.provisional = true;
      const earlier = before?.[index];
      // What is not held only grows in one window: a store that shows less has forgotten, even if no connection was lost.
      if (earlier === undefined || !isInLedger(plan.windows[index] as PlannedWindow)) continue;
      const isSame = window.start === earlier.start && window.end === earlier.end;
      if (!isSame || seenPlan.windows[index]?.field !== plan.windows[index]?.field) continue;
      const meter = meterAt(seenPlan, index);
      const spentBefore = (seenCharge[meter] ?? 0) - (seenHeld[meter] ?? 0);
      if (spentOf(window) >= saturatingSum(spentOf(earlier), spentBefore)) continue;
      standing.known = merged(standing.known, withCharge({ seen, seenPlan, seenCharge, seenHeld }), () => 0);
      standing.limits = undefined;
    }
    const { passed } = standing;
    standing.passed = NO_COST;
    return passed;
  }

  /**
   * An outage policy let a request pass: the windows that are known have counted at least that much more, and the store has to hear of
   * it, also where it was well all along (the process stood still, and had no time left to ask).
   */
  letPass(tenantId: string, asked: RequestCost): void {
    if (isLook(asked)) return;
    const standing = this.#standings.remembered(tenantId);
    const row = costRow(asked, standing.seenPlan.meters);
    const added = (index: number) => row[meterAt(standing.seenPlan, index)] ?? 0;
    standing.known = merged(standing.known, withCharge(standing), added);
    standing.passed = addedCost(standing.passed, asked);
    standing.limits = undefined;
    standing.read = undefined;
  }

  #recentFloors(tenantId: string, plan: SeenPlan, resetNumber: number): Floors | undefined {
    const read = this.#standings.get(tenantId)?.read;
    if (read?.resetNumber !== resetNumber) return undefined;
    if (read.plan.windows !== plan.windows || read.generation !== this.#parts.generation()) return undefined;
    return this.#parts.clock.monotonicMs() - read.atMs < this.#healAfterMs ? read.floors : undefined;
  }

  async #read(tenantId: string, plan: SeenPlan, resetNumber: number): Promise<Floors | undefined> {
    const generation = this.#parts.generation();
    await this.#parts.flushCharges(tenantId);
    const queries = plan.windows.map((window) => queryOf(tenantId, window, resetNumber, plan));
    const sums = await this.#sums.read(queries.filter((query) => query !== undefined));
    if (sums === undefined) return undefined;
    const standing = this.#standings.remembered(tenantId);
    let next = 0;
    const known = standing.resetNumber === resetNumber ? standing : undefined;
    const floors = plan.windows.map((window, index) => {
      if (queries[index] === undefined || !isFixedWindow(window)) return undefined;
      const sum = sums[next] ?? 0;
      next += 1;
      // What is not flushed yet the ledger cannot know, and this process may. Not what is held: whatever of it goes back would
      // come again with this floor, for the rest of the month.
      return { start: window.starts[1], used: Math.max(sum, lastKnown(known, window, plan, spentOf) ?? 0) };
    });
    standing.read = { resetNumber, plan, floors, generation, atMs: this.#parts.clock.monotonicMs() };
    return floors;
  }
}

function slidingFloor(standing: Standing, field: string): CounterFloor | undefined {
  const index = standing.seenPlan.windows.findIndex((window) => window.field === field);
  const window = index < 0 ? undefined : withCharge(standing)[index];
  return window === undefined ? undefined : { start: window.end, used: window.used };
}

/** A charge with a block, which is of own units. */
function withBlock(charge: readonly number[] | undefined, block: number): readonly number[] {
  const [own = 0, ...others] = charge ?? NOTHING;
  if (block === 0) return charge ?? NOTHING;
  return [saturatingSum(own, block), ...others];
}

function queryOf(
  tenantId: string,
  window: PlannedWindow,
  resetNumber: number,
  { meters }: SeenPlan,
): ChargeSumQuery | undefined {
  const dates = isInLedger(window) ? window.dates?.[1] : undefined;
  if (dates === undefined) return undefined;
  const meter = meterNameOf(window, meters) ?? OWN_UNITS;
  return { tenantId, meter, resetNumber, firstDate: dates.first, lastDate: dates.last };
}
