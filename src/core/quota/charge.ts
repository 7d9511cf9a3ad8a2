// The rule of the counters, as one pure step: what some charges of a tenant find, which of them fit, and what they leave behind.
// The in-process store runs it as it is; decide.lua is held to it by a randomised test. It knows no names of limits, no plans, no zones.
import type { ChargeReply, CountedWindow, Crossing } from './chargeReply.js';
import type { ChargeRequest } from './chargeRequest.js';
import { isSegments, type StoredCounter, type StoredTenant, type StoredWindow, saturatingSum } from './counter.js';
import { countInner, type FoundWindow, findWindow, reachedThreshold } from './fixedWindow.js';
import { blockSize, type ChargedWindow, settle } from './lease.js';
import { boundsOf, type FoundSegments, findSegments, withUnits } from './slidingWindow.js';

/** What a step leaves: the reply, and what to write. Empty where nothing changes. */
export interface ChargeStep {
  readonly reply: ChargeReply;
  readonly writes: CounterWrites;
}

/** What changes of a tenant. */
export interface CounterWrites {
  /** By field. */
  readonly counters: ReadonlyMap<string, StoredCounter>;
  /** Whether every counter that is not among them goes. */
  readonly isReset: boolean;
  readonly incarnation: string | undefined;
  readonly resetNumber: number;
  /** The windows that a reservation was charged to; undefined where none was made. */
  readonly reserved: readonly ChargedWindow[] | undefined;
}

/** A window as a request finds it. */
type Found = FoundWindow | FoundSegments;

/**
 * Decides the costs of one request against the tenant's stored counters at the store's time.
 *
 * Every counter is found first; then each cost in its turn must fit whole into every window that denies, or charges nothing. Sums
 * are compared as `cost > limit - used`: an addition would round above 2^53.
 * @param micros the store's time in microseconds, in decimal: the incarnation of counters that begin now
 */
export function charge(stored: StoredTenant, request: ChargeRequest, timeMs: number, micros: string): ChargeStep {
  const resetNumber = Math.max(stored.resetNumber, request.resetNumber);
  if (request.deadlineMs !== undefined && timeMs > request.deadlineMs) return unanswered('late', timeMs, resetNumber);
  const isReset = stored.incarnation !== undefined && request.resetNumber > stored.resetNumber;
  const settled = request.settle === undefined || isReset ? NOTHING_SETTLED : settle(stored, request.settle);
  const found = findAll(stored, settled, request, timeMs, isReset);
  if (typeof found === 'string') return unanswered(found, timeMs, resetNumber);
  const { granted, added } = walkCosts(request, found);
  const block = request.take === undefined ? 0 : blockOf(request.take, found, added[0] as number);
  const written = writesOf({ stored, request, micros, resetNumber, isReset, settled, found, granted, added, block });
  const refused = granted.includes(false);
  return {
    reply: {
      outcome: 'decided',
      timeMs,
      resetNumber,
      incarnation: written.writes.incarnation ?? '',
      granted,
      windows: found.map((one) => (isFixed(one) ? countedWindow(one) : countedSegments(one, added, refused))),
      block,
      charged: saturatingSum(added[0] as number, block),
      crossed: written.crossed,
    },
    writes: written.writes,
  };
}

const NOTHING_SETTLED: ReadonlyMap<string, StoredWindow> = new Map();

const isFixed = (one: Found): one is FoundWindow => !('segments' in one);

const unanswered = (outcome: 'cold' | 'clock' | 'late', timeMs: number, resetNumber: number): ChargeStep => ({
  reply: { outcome, timeMs, resetNumber },
  writes: { counters: new Map(), isReset: false, incarnation: undefined, resetNumber, reserved: undefined },
});

function findAll(
  stored: StoredTenant,
  settled: ReadonlyMap<string, StoredWindow>,
  request: ChargeRequest,
  timeMs: number,
  isReset: boolean,
): readonly Found[] | 'clock' | 'cold' {
  // Floors of an earlier reset would bring back what it took away.
  const floors = request.resetNumber < stored.resetNumber ? undefined : request.floors;
  const found: Found[] = [];
  let isCold = false;
  let isAnyNew = false;
  for (const [index, window] of request.windows.entries()) {
    const counter = settled.get(window.field) ?? stored.counters.get(window.field);
    if (!('starts' in window)) {
      const segments = counter !== undefined && isSegments(counter) && !isReset ? counter : undefined;
      found.push(findSegments(window, segments, timeMs));
      continue;
    }
    const known = counter === undefined || isSegments(counter) ? undefined : counter;
    const one = findWindow(window, known, floors?.[index], timeMs, isReset);
    // A clock that is off makes every other finding about this request meaningless, so it is told first.
    if (one === 'clock') return 'clock';
    if (one === 'cold') {
      isCold = true;
      continue;
    }
    found.push(one);
    if (one.isNew) isAnyNew = true;
  }
  if (isCold) return 'cold';
  if (!isAnyNew) return found;
  const fixed = found.filter(isFixed);
  return found.map((one) => (isFixed(one) && one.isNew ? countInner(one, fixed) : one));
}

/** Each request in its turn, and what those that fit add up to, by meter. */
function walkCosts(
  { costs, meters = [] }: ChargeRequest,
  found: readonly Found[],
): { granted: boolean[]; added: readonly number[] } {
  const width = 1 + meters.length;
  const added: number[] = Array(width).fill(0);
  const granted: boolean[] = [];
  for (let first = 0; first < costs.length; first += width) {
    const costIn = (meter: number) => costs[first + meter] as number;
    const fits = !found.some((one) => one.window.denies && !hasRoom(one, added, costIn(meterOf(one))));
    for (let meter = 0; fits && meter < width; meter += 1)
      added[meter] = saturatingSum(added[meter] as number, costIn(meter));
    granted.push(fits);
  }
  return { granted, added };
}

const meterOf = ({ window }: Found): number => window.meter ?? 0;

/** What is added to a window's own meter. */
const addedTo = (one: Found, added: readonly number[]): number => added[meterOf(one)] as number;

const hasRoom = (one: Found, added: readonly number[], cost: number): boolean =>
  cost === 0 ||
  one.window.limit === undefined ||
  cost <= one.window.limit - saturatingSum(one.used, addedTo(one, added));

/** Of own units alone: what else the tenant is limited in, no block holds. */
function blockOf(want: number, found: readonly Found[], added: number): number {
  if (!found.every(isFixed)) return 0;
  const rests = found.flatMap(({ window: { limit, meter = 0 }, used }) =>
    limit === undefined || meter !== 0 ? [] : [limit - saturatingSum(used, added)],
  );
  return blockSize(want, rests);
}

function countedWindow({ start, end, used, sent, provisional, held }: FoundWindow): CountedWindow {
  return { start, end, used, sent, provisional, held };
}

function countedSegments(one: FoundSegments, added: readonly number[], refused: boolean): CountedWindow {
  const counted = { ...boundsOf(one), used: one.used, sent: 1, provisional: false, held: 0 };
  return refused ? { ...counted, segments: withUnits(one, addedTo(one, added)) } : counted;
}

/** Everything that a decided request knows of itself. */
interface Decided {
  readonly stored: StoredTenant;
  readonly request: ChargeRequest;
  readonly micros: string;
  readonly resetNumber: number;
  readonly isReset: boolean;
  readonly settled: ReadonlyMap<string, StoredWindow>;
  readonly found: readonly Found[];
  readonly granted: readonly boolean[];
  /** By meter. */
  readonly added: readonly number[];
  readonly block: number;
}

function writesOf(decided: Decided): { writes: CounterWrites; crossed: readonly Crossing[] } {
  const { stored, request, micros, resetNumber, isReset, settled, found, added, block } = decided;
  const asks = request.costs.some((cost) => cost > 0);
  const isLook = block === 0 && !asks;
  const counters = new Map<string, StoredCounter>(settled);
  const crossed: Crossing[] = [];
  const reserved = request.reserve !== undefined && asks && decided.granted[0] === true;
  for (const [index, one] of isLook ? [] : found.entries()) {
    const ownBlock = meterOf(one) === 0 ? block : 0;
    const charged = saturatingSum(addedTo(one, added), ownBlock);
    if (!isFixed(one)) {
      if (charged > 0) counters.set(one.window.field, { segments: withUnits(one, charged) });
      continue;
    }
    // A reservation begins every counter: one of a meter that nothing counts has to be found again, too.
    if (charged === 0 && !one.raised && !isReset && !reserved) continue;
    const used = saturatingSum(one.used, charged);
    const held = saturatingSum(one.held, ownBlock + (reserved ? addedTo(one, added) : 0));
    const reached = reachedThreshold(one.window, used);
    if (reached > one.told) crossed.push({ window: index, level: reached === one.window.limit ? 100 : 80 });
    const { start, end, provisional } = one;
    counters.set(one.window.field, { start, end, used, held, told: Math.max(one.told, reached), provisional });
  }
  const begins = counters.size > 0 && (stored.incarnation === undefined || isReset);
  return {
    crossed,
    writes: {
      counters,
      isReset: isReset && begins,
      incarnation: begins ? micros : stored.incarnation,
      resetNumber: counters.size > 0 ? resetNumber : stored.resetNumber,
      reserved: reserved && counters.size > 0 ? found.map((one) => chargedWindow(one, request.meters)) : undefined,
    },
  };
}

function chargedWindow(one: Found, meters: ChargeRequest['meters']): ChargedWindow {
  const meter = meters?.[meterOf(one) - 1];
  const window = { field: one.window.field, start: isFixed(one) ? one.start : one.present };
  return meter === undefined ? window : { ...window, meter };
}
