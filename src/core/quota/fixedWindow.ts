// A fixed window of a request, found among the stored ones at the store's time: which window it is, and what it has counted.
import type { CounterFloor, FixedWindow } from './chargeRequest.js';
import type { StoredWindow } from './counter.js';

/** A fixed window as a request finds it, before its own costs. */
export interface FoundWindow extends StoredWindow {
  readonly window: FixedWindow;
  /** Index of the sent window that holds `start`, or -1. */
  readonly sent: number;
  /** Not stored yet for this window: absent, or rolled over from an older one. */
  readonly isNew: boolean;
  /** Whether a floor changed the stored counter: then it is written on a denial too, or every denial would ask the ledger. */
  readonly raised: boolean;
}

/**
 * Finds the window that counts at `timeMs`. `clock`: none of the sent ones does. `cold`: only the ledger knows what it counted.
 * @param isReset what is stored was counted before a reset: its bounds hold, its counts do not
 */
export function findWindow(
  window: FixedWindow,
  stored: StoredWindow | undefined,
  floor: CounterFloor | undefined,
  timeMs: number,
  isReset: boolean,
): FoundWindow | 'clock' | 'cold' {
  const lastStart = window.starts[2];
  // A window that begins after all that the caller could mean was written by a clock that jumped ahead and came back:
  // honouring it would freeze the quota until then.
  const kept = stored !== undefined && stored.start <= lastStart ? stored : undefined;
  const known = kept !== undefined && isReset ? { ...kept, used: 0, held: 0, told: 0, provisional: false } : kept;
  const knownEnd =
    known === undefined ? Number.NEGATIVE_INFINITY : Math.max(known.end, sentEndFor(window, known.start));
  if (known !== undefined && timeMs < knownEnd) return withFloor(window, known, knownEnd, floor, false);
  const sent = sentWindowAt(window, timeMs);
  if (sent < 0) return 'clock';
  const start = Math.max(window.starts[sent] as number, knownEnd);
  const fresh: StoredWindow = { start, end: endOfSent(window, sent), used: 0, held: 0, told: 0, provisional: false };
  // An older window proves that this store has been counting all along, so a new one begins at 0. Without one nothing is known.
  const tells = floor?.start === start && floor.raisesOnly !== true;
  if (known === undefined && window.fromLedger && window.limit !== undefined && !tells) return 'cold';
  return withFloor(window, fresh, fresh.end, floor, true);
}

/**
 * A window limited for the first time counts at least what any window of its meter lying wholly inside it has counted, wherever that
 * one stands in the request: the day travels last where no limit has it, and is inside the week and the month all the same.
 */
export function countInner(fresh: FoundWindow, all: readonly FoundWindow[]): FoundWindow {
  const inner = all
    .filter(
      (one) =>
        (one.window.meter ?? 0) === (fresh.window.meter ?? 0) && one.start >= fresh.start && one.end <= fresh.end,
    )
    .map((one) => one.used);
  const used = Math.max(fresh.used, ...inner);
  return used === fresh.used ? fresh : { ...fresh, used, told: reachedThreshold(fresh.window, used) };
}

/** The highest threshold of a window that `used` has reached, in units; 0 for none. */
export function reachedThreshold({ limit, tellAt }: FixedWindow, used: number): number {
  if (limit === undefined || tellAt === undefined) return 0;
  return used >= limit ? limit : used >= tellAt ? tellAt : 0;
}

function withFloor(
  window: FixedWindow,
  counter: StoredWindow,
  end: number,
  given: CounterFloor | undefined,
  isNew: boolean,
): FoundWindow {
  const floor = given?.start === counter.start ? given : undefined;
  const used = floor === undefined ? counter.used : Math.max(counter.used, floor.used);
  const provisional =
    floor === undefined || floor.raisesOnly === true
      ? counter.provisional
      : floor.provisional === true && (isNew || counter.provisional);
  const { start, held } = counter;
  // No spread: this runs for each window of each request, and a copied object is several times as dear as a written one.
  return {
    window,
    start,
    end,
    used,
    held,
    provisional,
    isNew,
    // What a store that forgot is told anew was told of before it forgot.
    told: isNew ? reachedThreshold(window, used) : counter.told,
    sent: sentWindowAt(window, start),
    raised: floor !== undefined && (isNew || used !== counter.used || provisional !== counter.provisional),
  };
}

/** Index of the sent window that holds `instant`, or -1. */
function sentWindowAt(window: FixedWindow, instant: number): number {
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
function sentEndFor(window: FixedWindow, storedStart: number): number {
  const sent = sentWindowAt(window, storedStart);
  return sent < 0 ? Number.NEGATIVE_INFINITY : endOfSent(window, sent);
}

const endOfSent = (window: FixedWindow, sent: number): number => window.starts[sent + 1] ?? window.end;
