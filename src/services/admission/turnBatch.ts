// A counter store around a counter store: requests that arrive together travel together. What a tenant's requests ask until the check
// phase of the turn, with the same windows, goes as one call; the store walks their costs in the order of arrival, as if each had
// come alone. One call of a tenant is under way at a time: what arrives meanwhile goes with the next.
//
// By setImmediate, not by a microtask: that would run before the next request is parsed, and gather one. Calls of several tenants are
// sent in the same turn, so they share a pipeline. Each request waits for a promise of its own, so it goes on in its own async context.
//
// Lanes: a tenant has one while requests wait or a call is under way, and none otherwise.
import type { ChargeReply, DecidedReply } from '../../core/quota/chargeReply.js';
import type { ChargeRequest, CounterFloor } from '../../core/quota/chargeRequest.js';
import { saturatingSum } from '../../core/quota/counter.js';
import type { FinishReply, FinishRequest } from '../../core/quota/reservation.js';
import type { Clock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';

/** Most requests in one call: the script holds the server for the whole of it. */
export const MAX_GROUP = 128;

/** What it needs. */
export interface TurnBatchParts {
  readonly store: CounterStore;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

interface Waiting {
  readonly request: ChargeRequest;
  readonly arrivedAtMs: number;
  readonly resolve: (reply: ChargeReply | Promise<ChargeReply>) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  readonly waiting: Waiting[];
  isUnderWay: boolean;
}

/** See the head of this file. */
export class TurnBatch implements CounterStore {
  readonly #parts: TurnBatchParts;
  readonly #lanes = new Map<string, Lane>();
  /** Tenants whose first waiting request came in this turn. */
  #due: string[] = [];

  constructor(parts: TurnBatchParts) {
    this.#parts = parts;
  }

  get generation(): number {
    return this.#parts.store.generation;
  }

  charge(request: ChargeRequest): Promise<ChargeReply> {
    return new Promise((resolve, reject) => {
      const lane = this.#laneOf(request.tenantId);
      lane.waiting.push({ request, arrivedAtMs: this.#parts.clock.monotonicMs(), resolve, reject });
      // A lane with a call under way goes on by itself when that ends.
      if (!lane.isUnderWay && lane.waiting.length === 1) this.#makeDue(request.tenantId);
    });
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
    const now = this.#parts.clock.monotonicMs();
    // Whose time is over while it waited was never sent: it is told so, and does not end the others' call early.
    const inTime = group.filter((one) => timeLeft(one, now) === undefined || (timeLeft(one, now) as number) > 0);
    for (const one of group) if (!inTime.includes(one)) one.resolve(this.#alone(one, now));
    const [only, ...others] = inTime;
    if (only === undefined) return;
    if (others.length === 0) {
      const reply = this.#alone(only, now);
      only.resolve(reply);
      await reply.catch(() => undefined);
      return;
    }
    try {
      split(inTime, await this.#parts.store.charge(grouped(inTime, now)));
    } catch (error) {
      for (const one of inTime) one.reject(error);
    }
  }

  async #alone(one: Waiting, now: number): Promise<ChargeReply> {
    return this.#parts.store.charge({ ...one.request, waitMs: timeLeft(one, now) });
  }
}

const timeLeft = ({ request, arrivedAtMs }: Waiting, now: number): number | undefined =>
  request.waitMs === undefined ? undefined : request.waitMs - (now - arrivedAtMs);

/** The first that waits and those behind it that can go with it. */
function takeGroup(waiting: Waiting[]): Waiting[] {
  const first = waiting[0];
  if (first === undefined) return [];
  let size = 1;
  while (size < MAX_GROUP && size < waiting.length && goTogether(first.request, (waiting[size] as Waiting).request))
    size += 1;
  return waiting.splice(0, size);
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

function grouped(group: readonly Waiting[], now: number): ChargeRequest {
  const requests = group.map((one) => one.request);
  const first = requests[0] as ChargeRequest;
  return {
    ...first,
    costs: requests.flatMap((one) => one.costs),
    floors: floorsOf(requests),
    deadlineMs: smallest(requests.map((one) => one.deadlineMs)),
    // The oldest request's: a call that outlives one of its requests would charge for nobody.
    waitMs: smallest(group.map((one) => timeLeft(one, now))),
  };
}

function smallest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

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

/** A floor that the ledger knows stands over a provisional one. */
function higher(one: CounterFloor, other: CounterFloor): CounterFloor {
  const used = Math.max(one.used, other.used);
  return one.provisional === true && other.provisional === true
    ? { start: one.start, used, provisional: true }
    : { start: one.start, used };
}

/** Gives each request its own part of the answer: what its windows stood at before its costs, and what became of them. */
function split(group: readonly Waiting[], reply: ChargeReply): void {
  let next = 0;
  let before = 0;
  for (const [position, { request, resolve }] of group.entries()) {
    if (reply.outcome !== 'decided') {
      resolve(reply);
      continue;
    }
    const granted = reply.granted.slice(next, next + request.costs.length);
    resolve(partOf(reply, granted, before, position === 0));
    for (const [index, cost] of request.costs.entries())
      if (granted[index] === true) before = saturatingSum(before, cost);
    next += request.costs.length;
  }
}

function partOf(reply: DecidedReply, granted: readonly boolean[], before: number, isFirst: boolean): DecidedReply {
  return {
    ...reply,
    granted,
    windows:
      before === 0
        ? reply.windows
        : reply.windows.map((window) => ({ ...window, used: saturatingSum(window.used, before) })),
    // What happened once is told once.
    block: isFirst ? reply.block : 0,
    crossed: isFirst ? reply.crossed : [],
  };
}
