// What decideOnce.lua is sent and what it answers: decide.lua's arguments and reply, and what is remembered under the request's key.

import { type KeyedChargeRequest, lookOf } from '../../core/quota/chargeOnce.js';
import type { ChargeReply } from '../../core/quota/chargeReply.js';
import type { PassingWindow, RememberedAdmission } from '../../core/quota/remembered.js';
import { decideArguments, decideReply } from './decide.js';
import { decide, decideOnce } from './redis.generated.js';
import { scriptOf } from './script.js';

/** decide.lua as a function of its own keys and values, so that what it answers and what is remembered of it are one step. */
export const DECIDE_ONCE = scriptOf(`local function decide(KEYS, ARGV)\n${decide}\nend\n${decideOnce}`);

const NONE = '-';

/** ARGV of decideOnce.lua. */
export function decideOnceArguments(request: KeyedChargeRequest): string[] {
  const { remember, reserve } = request;
  const day = remember.day === undefined ? NONE : String(remember.day + 1);
  return [...decideArguments(request), `${remember.content} ${day} ${reserve?.id ?? NONE}`];
}

/** Reads the reply of decideOnce.lua to `request`. Throws as `decideReply`. */
export function decideOnceReply(reply: unknown, request: KeyedChargeRequest): ChargeReply {
  if (!Array.isArray(reply)) return decideReply(reply, request);
  const values: readonly unknown[] = reply;
  if (values[0] === 'conflict' && values.length === 3)
    return { outcome: 'conflict', timeMs: Number(values[1]), resetNumber: Number(values[2]) };
  if (values[0] !== 'decided') return decideReply(reply, request);
  const remembered = String(values.at(-1));
  const decided = values.slice(0, -1);
  if (remembered === '') return decideReply(decided, request);
  const repeated = decideReply(decided, lookOf(request));
  return repeated.outcome === 'decided' ? { ...repeated, remembered: admissionOf(remembered) } : repeated;
}

/** `content time reset-number day-start reservation expiry field used field used ...` */
function admissionOf(text: string): RememberedAdmission {
  const [content = '', time, resetNumber, dayStart, id = NONE, expiresAt, ...windows] = text.split(' ');
  const passing: PassingWindow[] = [];
  for (let at = 0; at + 1 < windows.length; at += 2)
    passing.push({ field: String(windows[at]), used: Number(windows[at + 1]) });
  return {
    content,
    timeMs: Number(time),
    resetNumber: Number(resetNumber),
    dayStart: dayStart === NONE ? undefined : Number(dayStart),
    reservation: id === NONE ? undefined : { id, expiresAtMs: Number(expiresAt) },
    passing,
  };
}
