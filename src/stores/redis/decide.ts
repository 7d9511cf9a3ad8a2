// What decide.lua is sent and what it answers: the one place that knows the order of its arguments and of its reply.
import { createHash } from 'node:crypto';
import { TallygateError } from '../../core/errors.js';
import type { ChargeReply, ChargeRequest, ChargeWindow, CountedWindow } from '../../core/quota/charge.js';
import { decide } from './redis.generated.js';

/** The text of the script, for the first call on a server that does not know it. */
export const DECIDE_SCRIPT = decide;

/** How a server that knows the script is asked for it. */
export const DECIDE_SHA1 = createHash('sha1').update(DECIDE_SCRIPT).digest('hex');

/** Values of the reply that belong to one window. */
const REPLY_STRIDE = 5;

/**
 * The key of a tenant's counters. The encoded id is the hash tag: it holds no brace, so a tenant cannot choose its slot, and
 * no two ids share a key. The prefix must hold no `{`, or that would be the tag.
 */
export const keyOf = (keyPrefix: string, tenantId: string): string => `${keyPrefix}{${encodeURIComponent(tenantId)}}:q`;

/** ARGV of decide.lua. */
export function decideArguments(request: ChargeRequest): string[] {
  const deadline = request.deadlineMs === undefined ? '' : String(Math.floor(request.deadlineMs));
  const values = [String(request.cost), deadline];
  for (const window of request.windows) {
    values.push(
      window.field,
      window.limit === undefined ? '' : String(window.limit),
      String(window.starts[0]),
      String(window.starts[1]),
      String(window.starts[2]),
      String(window.end),
      window.fromLedger ? '1' : '',
      floorArgument(window),
    );
  }
  return values;
}

function floorArgument({ floor }: ChargeWindow): string {
  if (floor === undefined) return '';
  return `${floor.start} ${floor.used}${floor.provisional === true ? 'p' : ''}`;
}

/**
 * Reads the reply of decide.lua.
 * @throws TallygateError `counter_store_timeout` for anything else: something answered in the script's place, so nobody knows.
 */
export function decideReply(reply: unknown): ChargeReply {
  if (!Array.isArray(reply) || reply.length < 2) throw unreadable(reply);
  const outcome: unknown = reply[0];
  const timeMs = Number(reply[1]);
  if (outcome === 'cold' || outcome === 'clock' || outcome === 'late') return { outcome, timeMs };
  if ((outcome !== 'granted' && outcome !== 'denied') || !Number.isSafeInteger(timeMs)) throw unreadable(reply);
  const windows: CountedWindow[] = [];
  for (let at = 2; at + REPLY_STRIDE <= reply.length; at += REPLY_STRIDE) {
    windows.push({
      start: Number(reply[at]),
      end: Number(reply[at + 1]),
      used: Number(reply[at + 2]),
      sent: Number(reply[at + 3]),
      provisional: Number(reply[at + 4]) === 1,
    });
  }
  return { outcome, timeMs, windows };
}

const unreadable = (reply: unknown): TallygateError =>
  new TallygateError(
    'counter_store_timeout',
    `Redis: expected the reply of the counters' script, got ${typeof reply}; whether it charged is unknown`,
  );
