// The rule of the counters, as one pure step: what a charge finds, whether it fits, and what it leaves behind. The in-process
// store runs it as it is; decide.lua is held to it by a randomised test. It knows no names of limits, no plans, no zones.
import { MAX_COUNT } from './limit.js';

/** A window as the caller knows it. The caller cannot know the store's time, so it sends three and the store picks one. */
export interface ChargeWindow {
  /** Which counter of the tenant. Unique within a request. */
  readonly field: string;
  /** Most units in one window; undefined counts and never denies. */
  readonly limit: number | undefined;
  /** Starts of the previous, the present and the next window by the caller's clock, ascending, in milliseconds since 1970. */
  readonly starts: readonly [number, number, number];
  /** End of the next window. */
  readonly end: number;
  /** Whether the ledger knows this window's sum: then a limited counter that is absent is unknown, not zero. */
  readonly fromLedger: boolean;
  /** What the ledger says was used in the window that starts at `start`: the counter is raised to it, never lowered. */
  readonly floor?: CounterFloor | undefined;
}

/** A lower bound of one window's count. */
export interface CounterFloor {
  readonly start: number;
  readonly used: number;
  /** Set where the ledger did not answer and 0 had to do: the counter keeps this mark until a floor without it arrives. */
  readonly provisional?: true;
}

/** One decision to make. */
export interface ChargeRequest {
  readonly tenantId: string;
  /** Whole units, from 0 to 2^53-1. 0 looks: it is granted always and nothing is written, floors included. */
  readonly cost: number;
  /** In any order, which is that of the reply: a counter that is new counts at least what any other window inside it has counted. */
  readonly windows: readonly ChargeWindow[];
  /** By the store's clock, in milliseconds since 1970: a store that comes to it later answers `late` and charges nothing. */
  readonly deadlineMs?: number | undefined;
  /** Longest wait for the answer from now on, in milliseconds. The guard around a store holds it; stores themselves do not look. */
  readonly waitMs?: number | undefined;
}

/** What a window stands at after a decision. */
export interface CountedWindow {
  /** The window that was charged, or would have been: the stored one's, where the store knew better than the caller. */
  readonly start: number;
  readonly end: number;
  /** Units counted: after the charge where it was granted, as it is where it was denied. */
  readonly used: number;
  /** Index of the sent window that holds `start`, or -1 where it began before all of them. */
  readonly sent: number;
  readonly provisional: boolean;
}

/**
 * The answer. `granted` and `denied` have a `windows` entry for each requested one, in their order.
 * `cold`: a limited counter that the ledger knows is absent; call again with its floor. `clock`: none of the sent windows
 * of some limit holds the store's time; call again with windows around `timeMs`. `late`: the deadline had passed.
 * Whatever is not `granted` has charged nothing; a denial may have written floors.
 */
export type ChargeReply = DecidedReply | { readonly outcome: 'cold' | 'clock' | 'late'; readonly timeMs: number };

/** An answer that decided. `timeMs`: the store's clock at that moment, in milliseconds since 1970. */
export interface DecidedReply {
  readonly outcome: 'granted' | 'denied';
  readonly timeMs: number;
  readonly windows: readonly CountedWindow[];
}

/** One counter as a store keeps it. */
export interface StoredWindow {
  readonly start: number;
  readonly end: number;
  readonly used: number;
  /** Seeded while the ledger was away: waits for a floor that the ledger knows. */
  readonly provisional: boolean;
}

/** What a step leaves: the reply, and the counters to write, by field. Empty where nothing changes. */
export interface ChargeStep {
  readonly reply: ChargeReply;
  readonly writes: ReadonlyMap<string, StoredWindow>;
}

const NOTHING: ReadonlyMap<string, StoredWindow> = new Map();

/**
 * Decides one request against the tenant's stored counters at the store's time.
 *
 * Every counter is found first; then the cost must fit whole into every limited one, or nothing is charged. Sums are compared
 * as `cost > limit - used`: an addition would round above 2^53.
 */
export function charge(stored: ReadonlyMap<string, StoredWindow>, request: ChargeRequest, timeMs: number): ChargeStep {
  if (request.deadlineMs !== undefined && timeMs > request.deadlineMs) return unanswered('late', timeMs);
  const before: FoundWindow[] = [];
  let cold = false;
  let isAnyNew = false;
  for (const window of request.windows) {
    const candidate = findWindow(window, stored.get(window.field), timeMs);
    // A clock that is off makes every other finding about this request meaningless, so it is told first.
    if (candidate === 'clock') return unanswered('clock', timeMs);
    if (candidate === 'cold') {
      cold = true;
      continue;
    }
    before.push(candidate);
    if (candidate.isNew) isAnyNew = true;
  }
  if (cold) return unanswered('cold', timeMs);
  const found = isAnyNew ? before.map((one) => (one.isNew ? countInner(one, before) : one)) : before;
  const denied =
    request.cost > 0 && found.some((one) => one.limit !== undefined && request.cost > one.limit - one.used);
  const added = denied ? 0 : request.cost;
  return {
    reply: {
      outcome: denied ? 'denied' : 'granted',
      timeMs,
      windows: found.map((one) => ({
        start: one.start,
        end: one.end,
        used: saturatingSum(one.used, added),
        sent: one.sent,
        provisional: one.provisional,
      })),
    },
    writes: request.cost === 0 ? NOTHING : writesOf(found, added, denied),
  };
}

/** A counter as this request finds it, before its own cost. */
interface FoundWindow extends StoredWindow {
  readonly field: string;
  readonly limit: number | undefined;
  readonly sent: number;
  /** Not stored yet for this window: absent, or rolled over from an older one. */
  readonly isNew: boolean;
  /** Whether a floor changed the stored counter: then it is written on a denial too, or every denial would ask the ledger. */
  readonly raised: boolean;
}

const unanswered = (outcome: 'cold' | 'clock' | 'late', timeMs: number): ChargeStep => ({
  reply: { outcome, timeMs },
  writes: NOTHING,
});

/** Adds without leaving the exact range: beyond 2^53-1 a count stays there. */
export const saturatingSum = (used: number, added: number): number =>
  added > MAX_COUNT - used ? MAX_COUNT : used + added;

function findWindow(
  window: ChargeWindow,
  stored: StoredWindow | undefined,
  timeMs: number,
): FoundWindow | 'clock' | 'cold' {
  const lastStart = window.starts[2];
  // A window that begins after all that the caller could mean was written by a clock that jumped ahead and came back:
  // honouring it would freeze the quota until then.
  const known = stored !== undefined && stored.start <= lastStart ? stored : undefined;
  const knownEnd =
    known === undefined ? Number.NEGATIVE_INFINITY : Math.max(known.end, sentEndFor(window, known.start));
  if (known !== undefined && timeMs < knownEnd) return withFloor(window, known, knownEnd, false);
  const sent = sentWindowAt(window, timeMs);
  if (sent < 0) return 'clock';
  const sentStart = window.starts[sent] as number;
  const start = Math.max(sentStart, knownEnd);
  const fresh: StoredWindow = { start, end: endOfSent(window, sent), used: 0, provisional: false };
  // An older window proves that this store has been counting all along, so a new one begins at 0. Without one nothing is known.
  if (known === undefined && window.fromLedger && window.limit !== undefined && window.floor?.start !== start)
    return 'cold';
  return withFloor(window, fresh, fresh.end, true);
}

function withFloor(window: ChargeWindow, counter: StoredWindow, end: number, isNew: boolean): FoundWindow {
  const floor = window.floor?.start === counter.start ? window.floor : undefined;
  const used = floor === undefined ? counter.used : Math.max(counter.used, floor.used);
  const provisional =
    floor === undefined ? counter.provisional : floor.provisional === true && (isNew || counter.provisional);
  const raised = floor !== undefined && (isNew || used !== counter.used || provisional !== counter.provisional);
  const sent = sentWindowAt(window, counter.start);
  return {
    field: window.field,
    limit: window.limit,
    start: counter.start,
    end,
    used,
    provisional,
    sent,
    isNew,
    raised,
  };
}

/**
 * A window limited for the first time counts at least what any window lying wholly inside it has counted, wherever that
 * one stands in the request: the day travels last where no limit has it, and is inside the week and the month all the same.
 */
function countInner(fresh: FoundWindow, all: readonly FoundWindow[]): FoundWindow {
  const inner = all.filter((one) => one.start >= fresh.start && one.end <= fresh.end).map((one) => one.used);
  return { ...fresh, used: Math.max(fresh.used, ...inner) };
}

/** Index of the sent window that holds `instant`, or -1. */
function sentWindowAt(window: ChargeWindow, instant: number): number {
  if (instant >= window.end) return -1;
  // Written out: this runs some times for each window of each request.
  const [previous, present, next] = window.starts;
  if (instant >= next) return 2;
  if (instant >= present) return 1;
  return instant >= previous ? 0 : -1;
}

/**
 * End of the sent window in which a stored one begins. A change of zone or anchor makes the running window end later
 * (calendar.ts): the stored window lasts as long, or its date would get its whole limit again at the old end.
 */
function sentEndFor(window: ChargeWindow, storedStart: number): number {
  const sent = sentWindowAt(window, storedStart);
  return sent < 0 ? Number.NEGATIVE_INFINITY : endOfSent(window, sent);
}

const endOfSent = (window: ChargeWindow, sent: number): number => window.starts[sent + 1] ?? window.end;

function writesOf(found: readonly FoundWindow[], added: number, denied: boolean): ReadonlyMap<string, StoredWindow> {
  const writes = new Map<string, StoredWindow>();
  for (const { field, start, end, used, provisional, raised } of found) {
    if (!denied || raised) writes.set(field, { start, end, used: saturatingSum(used, added), provisional });
  }
  return writes;
}
