// A counter store around a counter store: requests that arrive together travel together. What a tenant's requests ask until the check
// phase of the turn, with the same windows, goes as one call; the store walks their costs in the order of arrival, as if each had
// come alone. One call of a tenant is under way at a time: what arrives meanwhile goes with the next.
//
// By setImmediate, not by a microtask: that would run before the next request is parsed, and gather one. Calls of several tenants are
// sent in the same turn, so they share a pipeline. Each request waits for a promise of its own, so it goes on in its own async context,
// and only as long as it has time: one that is old, because the process stood still, does not end the wait of those it travels with.
//
// Lanes: a tenant has one while requests wait or a call is under way, and none otherwise.
import type { ChargeReply, CountedWindow, DecidedReply } from '../../core/quota/chargeReply.js';
import type { ChargeRequest, CounterFloor } from '../../core/quota/chargeRequest.js';
import { saturatingSum } from '../../core/quota/counter.js';
import type { FinishReply, FinishRequest } from '../../core/quota/reservation.js';
import type { Clock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';
import type { StoreClock } from './storeClock.js';
import { noTimeLeft, timedOut } from './storeGuard.js';
import { type Wait, Waits } from './waits.js';

/** Most requests in one call: the script holds the server for the whole of it. */
export const MAX_GROUP = 128;

/** What it needs. */
export interface TurnBatchParts {
  readonly store: CounterStore;
  readonly storeClock: Pick<StoreClock, 'deadlineMs'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

interface Waiting {
  readonly request: ChargeRequest;
  /** undefined: it names no longest wait. */
  wait: Wait | undefined;
  /** Whether it is part of a call: then a timeout leaves unknown what became of it. */
  isSent: boolean;
  isOver: boolean;
  readonly resolve: (reply: ChargeReply) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  readonly waiting: Waiting[];
  isUnderWay: boolean;
}

/** See the head of this file. */
export class TurnBatch implements CounterStore {
  readonly #parts: TurnBatchParts;
  readonly #waits: Waits;
  readonly #lanes = new Map<string, Lane>();
  /** Tenants whose first waiting request came in this turn. */
  #due: string[] = [];

  constructor(parts: TurnBatchParts) {
    this.#parts = parts;
    this.#waits = new Waits(parts.clock);
  }

  get generation(): number {
    return this.#parts.store.generation;
  }

  charge(request: ChargeRequest): Promise<ChargeReply> {
    const { tenantId, waitMs } = request;
    if (waitMs !== undefined && waitMs <= 0) return Promise.reject(noTimeLeft());
    // Under a key of its own a request is remembered by itself: it neither joins others nor waits for their call.
    if (request.remember !== undefined) return this.#alone(request);
    return new Promise((resolve, reject) => {
      const one: Waiting = { request, wait: undefined, isSent: false, isOver: false, resolve, reject };
      if (waitMs !== undefined) one.wait = this.#waits.begin(waitMs, () => timeOut(one, waitMs));
      const lane = this.#laneOf(tenantId);
      lane.waiting.push(one);
      // A lane with a call under way goes on by itself when that ends.
      if (!lane.isUnderWay && lane.waiting.length === 1) this.#makeDue(tenantId);
    });
  }

  async #alone(request: ChargeRequest): Promise<ChargeReply> {
    return this.#parts.store.charge(request);
  }

  /** Not grouped: a reservation is ended once. */
  finish(request: FinishRequest): FinishReply | Promise<FinishReply> {
    return this.#parts.store.finish(request);
  }

  ready(): Promise<void> {
    return this.#parts.store.ready();
  }

  close(): Promise<void> {
    return this.#parts.store.close();
  }

  #laneOf(tenantId: string): Lane {
    const known = this.#lanes.get(tenantId);
    if (known !== undefined) return known;
    const lane: Lane = { waiting: [], isUnderWay: false };
    this.#lanes.set(tenantId, lane);
    return lane;
  }

  #makeDue(tenantId: string): void {
    this.#due.push(tenantId);
    if (this.#due.length === 1) setImmediate(() => this.#sendDue());
  }

  #sendDue(): void {
    const due = this.#due;
    this.#due = [];
    for (const tenantId of due) this.#sendNext(tenantId);
  }

  #sendNext(tenantId: string): void {
    const lane = this.#lanes.get(tenantId);
    if (lane === undefined || lane.isUnderWay) return;
    const group = takeGroup(lane.waiting);
    if (group.length === 0) {
      this.#lanes.delete(tenantId);
      return;
    }
    lane.isUnderWay = true;
    void this.#send(group).finally(() => {
      lane.isUnderWay = false;
      this.#sendNext(tenantId);
    });
  }

  async #send(group: readonly Waiting[]): Promise<void> {
    for (const one of group) one.isSent = true;
    try {
      const reply = await this.#parts.store.charge(this.#grouped(group));
      // Given out in the order of arrival; what is over was told so.
      for (const [one, part] of split(group, reply)) this.#end(one, () => one.resolve(part));
    } catch (error) {
      for (const one of group) this.#end(one, () => one.reject(error));
    }
  }

  #end(one: Waiting, tell: () => void): void {
    if (one.wait !== undefined) this.#waits.settle(one.wait);
    if (!one.isOver) tell();
    one.isOver = true;
  }

  #grouped(group: readonly Waiting[]): ChargeRequest {
    const now = this.#parts.clock.monotonicMs();
    const requests = group.map((one) => one.request);
    const left = group.flatMap(({ wait }) => (wait === undefined ? [] : [wait.endsAtMs - now]));
    // Made for the oldest too, or not at all: what begins after its time would be charged for nobody.
    const made = left.length === 0 ? undefined : this.#parts.storeClock.deadlineMs(Math.min(...left));
    const given = [made, ...requests.map((one) => one.deadlineMs)].filter((deadline) => deadline !== undefined);
    return {
      ...(requests[0] as ChargeRequest),
      costs: requests.flatMap((one) => one.costs),
      floors: floorsOf(requests),
      deadlineMs: given.length === 0 ? undefined : Math.min(...given),
      // As long as the youngest: each of the others ends its own wait.
      waitMs: left.length === group.length ? Math.max(...left) : undefined,
    };
  }
}

function timeOut(one: Waiting, waitMs: number): void {
  one.isOver = true;
  one.reject(one.isSent ? timedOut(waitMs) : noTimeLeft());
}

/** The first that still waits and those behind it that can go with it. */
function takeGroup(waiting: Waiting[]): Waiting[] {
  const group: Waiting[] = [];
  while (group.length < MAX_GROUP) {
    const next = waiting[0];
    if (next === undefined) break;
    const [first] = group;
    if (!next.isOver && first !== undefined && !goTogether(first.request, next.request)) break;
    waiting.shift();
    // Whose time was over before it was sent has been told so.
    if (!next.isOver) group.push(next);
  }
  return group;
}

/** By identity: the windows of a tenant are computed once for as long as they hold. */
const goTogether = (one: ChargeRequest, other: ChargeRequest): boolean =>
  one.windows === other.windows &&
  one.resetNumber === other.resetNumber &&
  one.reserve === undefined &&
  other.reserve === undefined &&
  // Blocks are taken and given back one at a time.
  other.take === undefined &&
  other.settle === undefined;

/** Of several floors the highest: each is a lower bound of the same count. */
function floorsOf(requests: readonly ChargeRequest[]): readonly (CounterFloor | undefined)[] | undefined {
  const given = requests.flatMap(({ floors }) => (floors === undefined ? [] : [floors]));
  const [first, ...others] = given;
  if (first === undefined || others.length === 0) return first;
  return first.map((_, index) => highest(given.map((floors) => floors[index])));
}

function highest(floors: readonly (CounterFloor | undefined)[]): CounterFloor | undefined {
  let best: CounterFloor | undefined;
  for (const floor of floors) {
    if (floor === undefined) continue;
    if (best === undefined || floor.start > best.start) best = floor;
    else if (floor.start === best.start) best = higher(best, floor);
  }
  return best;
}

/** What the ledger knows stands over a provisional floor, and both over what a process saw itself. */
function higher(one: CounterFloor, other: CounterFloor): CounterFloor {
  const { start } = one;
  const used = Math.max(one.used, other.used);
  const telling = [one, other].filter((floor) => floor.raisesOnly !== true);
  if (telling.length === 0) return { start, used, raisesOnly: true };
  return telling.every((floor) => floor.provisional === true) ? { start, used, provisional: true } : { start, used };
}

/** Each request's own part of the answer: what its windows stood at before its costs, and what became of them. */
function split(group: readonly Waiting[], reply: ChargeReply): [Waiting, ChargeReply][] {
  if (reply.outcome !== 'decided') return group.map((one) => [one, reply]);
  let next = 0;
  let before: readonly number[] = [];
  // Thresholds are told once, by one who hears the answer.
  const teller = group.find((one) => !one.isOver);
  return group.map((one, position) => {
    const { costs, meters = [] } = one.request;
    const width = 1 + meters.length;
    const requests = costs.length / width;
    const granted = reply.granted.slice(next, next + requests);
    const part = {
      ...partOf(one.request, reply, granted, position === 0 ? undefined : before),
      crossed: one === teller ? reply.crossed : [],
    };
    before = withGranted(before, one.request, granted);
    next += requests;
    return [one, part];
  });
}

/** What the requests so far have added, by meter. */
function withGranted(
  before: readonly number[],
  { costs, meters = [] }: ChargeRequest,
  granted: readonly boolean[],
): readonly number[] {
  const width = 1 + meters.length;
  return Array.from({ length: width }, (_, meter) =>
    granted.reduce(
      (sum, fits, index) => (fits ? saturatingSum(sum, costs[index * width + meter] as number) : sum),
      before[meter] ?? 0,
    ),
  );
}

/** @param before what the requests before it have added, by meter; undefined: it is the first */
function partOf(
  { windows }: ChargeRequest,
  reply: DecidedReply,
  granted: readonly boolean[],
  before: readonly number[] | undefined,
): DecidedReply {
  if (before === undefined) return { ...reply, granted };
  const later = (window: CountedWindow, index: number) => {
    const meter = windows[index]?.meter ?? 0;
    return laterWindow(window, before[meter] ?? 0, meter === 0 ? reply.block : 0);
  };
  // The block is the first one's, which asked for it.
  return { ...reply, granted, windows: reply.windows.map(later), block: 0 };
}

/** Where a window stands for a request behind the first: the block, which the first one took, is in it. */
const laterWindow = (window: CountedWindow, before: number, block: number): CountedWindow => ({
  ...window,
  used: saturatingSum(saturatingSum(window.used, before), block),
  held: saturatingSum(window.held, block),
});
