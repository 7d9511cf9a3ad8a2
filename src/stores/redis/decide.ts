// What decide.lua is sent and what it answers: the one place that knows the order of its arguments and of its reply.
import { TallygateError } from '../../core/errors.js';
import type { ChargeReply, CountedWindow, Crossing } from '../../core/quota/chargeReply.js';
import type { ChargeRequest, ChargeWindow, CounterFloor } from '../../core/quota/chargeRequest.js';
import { type Segment, saturatingSum } from '../../core/quota/counter.js';
import type { Settlement } from '../../core/quota/lease.js';
import { decide } from './redis.generated.js';
import { scriptOf } from './script.js';

export const DECIDE = scriptOf(decide);

/** Values of the reply before those of the windows, and for each window. */
const REPLY_HEAD = 7;
const REPLY_STRIDE = 6;

/** ARGV of decide.lua. */
export function decideArguments(request: ChargeRequest): string[] {
  const { costs, deadlineMs, resetNumber, take = 0, reserve, settle, meters = [], windows, floors } = request;
  const values = [
    costs.join(' '),
    deadlineMs === undefined ? '' : String(Math.floor(deadlineMs)),
    String(resetNumber),
    String(take),
    reserve === undefined ? '' : String(reserve.ttlMs),
    settle === undefined ? '' : settlementArgument(settle),
    meters.join(' '),
  ];
  for (const [index, window] of windows.entries()) pushWindow(values, window, floors?.[index]);
  return values;
}

function pushWindow(values: string[], window: ChargeWindow, floor: CounterFloor | undefined): void {
  const limit = window.limit === undefined ? '' : String(window.limit);
  const denies = window.denies ? 'd' : '';
  const meter = window.meter === undefined ? '' : String(window.meter);
  if ('starts' in window) {
    const [previous, present, next] = window.starts;
    const flags = `${denies}${window.fromLedger ? 'l' : ''}${meter}`;
    const tellAt = window.tellAt === undefined ? '' : String(window.tellAt);
    values.push(window.field, limit, flags, `${previous}`, `${present}`, `${next}`, `${window.end}`, tellAt);
    values.push(floor === undefined ? '' : `${floor.start} ${floor.used}${markOf(floor)}`);
  } else {
    values.push(window.field, limit, `${denies}s${meter}`, String(window.segmentMs), '', '', '', '', '');
  }
}

const markOf = ({ provisional, raisesOnly }: CounterFloor): string =>
  raisesOnly === true ? 'r' : provisional === true ? 'p' : '';

const settlementArgument = ({ incarnation, block, rest, windows }: Settlement): string =>
  [incarnation, block, rest, ...windows.map(({ field, start }) => `${field} ${start}`)].join(' ');

/**
 * Reads the reply of decide.lua to `request`.
 * @throws TallygateError `counter_store_timeout` for anything else: something answered in the script's place, so nobody knows.
 */
export function decideReply(reply: unknown, request: ChargeRequest): ChargeReply {
  if (!Array.isArray(reply) || reply.length < 3) throw unreadable(reply);
  const values: readonly unknown[] = reply;
  const outcome = values[0];
  const timeMs = Number(values[1]);
  const resetNumber = Number(values[2]);
  if (outcome === 'cold' || outcome === 'clock' || outcome === 'late') return { outcome, timeMs, resetNumber };
  const after = REPLY_HEAD + request.windows.length * REPLY_STRIDE;
  if (outcome !== 'decided' || !Number.isSafeInteger(timeMs) || values.length < after) throw unreadable(reply);
  const granted = [...String(values[4])].map((bit) => bit === '1');
  const block = Number(values[5]);
  const segmentTexts = values.slice(after);
  const windows = request.windows.map((window, index): CountedWindow => {
    const counted = countedAt(values, REPLY_HEAD + index * REPLY_STRIDE);
    if ('starts' in window || segmentTexts.length === 0) return counted;
    return { ...counted, segments: segmentsOf(String(segmentTexts.shift())) };
  });
  return {
    outcome,
    timeMs,
    resetNumber,
    incarnation: String(values[3]),
    granted,
    block,
    charged: ownUnits(request, granted, block),
    crossed: crossingsOf(String(values[6])),
    windows,
  };
}

/** The block and the own units of the requests that were granted. */
function ownUnits({ costs, meters = [] }: ChargeRequest, granted: readonly boolean[], block: number): number {
  const width = 1 + meters.length;
  return granted.reduce((sum, fits, index) => (fits ? saturatingSum(sum, costs[index * width] ?? 0) : sum), block);
}

const countedAt = (values: readonly unknown[], at: number): CountedWindow => ({
  start: Number(values[at]),
  end: Number(values[at + 1]),
  used: Number(values[at + 2]),
  sent: Number(values[at + 3]),
  provisional: Number(values[at + 4]) === 1,
  held: Number(values[at + 5]),
});

function crossingsOf(text: string): Crossing[] {
  if (text === '') return [];
  return text.split(' ').map((one) => {
    const [window, level] = one.split(':');
    return { window: Number(window), level: level === '100' ? 100 : 80 };
  });
}

/** `~index:units index:units ...` */
function segmentsOf(text: string): Segment[] {
  const parts = text.slice(1).split(' ');
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      const [index, units] = part.split(':');
      return { index: Number(index), units: Number(units) };
    });
}

const unreadable = (reply: unknown): TallygateError =>
  new TallygateError(
    'counter_store_timeout',
    `Redis: expected the reply of the counters' script, got ${typeof reply}; whether it charged is unknown`,
  );
