// The rule of the charge with one mistake each, as somebody might make it who finds the rule too long.
import { charge } from '../../src/core/quota/charge.js';
import type { ChargeRequest, ChargeWindow } from '../../src/core/quota/chargeRequest.js';
import { isSegments, type StoredCounter, type StoredTenant } from '../../src/core/quota/counter.js';
import { settle } from '../../src/core/quota/lease.js';
import { after, type ChargeRule } from '../quota/tenantCounters.js';

const withCounters = (
  stored: StoredTenant,
  change: (field: string, counter: StoredCounter) => StoredCounter | undefined,
) => ({
  ...stored,
  counters: new Map(
    [...stored.counters].flatMap(([field, counter]) => {
      const changed = change(field, counter);
      return changed === undefined ? [] : [[field, changed] as const];
    }),
  ),
});

/** A block goes back to whatever counters there are now. */
export const refundWithoutIncarnation: ChargeRule = (stored, request, timeMs, micros) => {
  const { settle: given } = request;
  if (given === undefined || stored.incarnation === undefined) return charge(stored, request, timeMs, micros);
  return charge(stored, { ...request, settle: { ...given, incarnation: stored.incarnation } }, timeMs, micros);
};

/** A block goes back to the window that runs now, not to that which it was taken from. */
export const refundIntoTheNextWindow: ChargeRule = (stored, request, timeMs, micros) => {
  const { settle: given } = request;
  if (given === undefined) return charge(stored, request, timeMs, micros);
  const windows = given.windows.map((one) => {
    const counter = stored.counters.get(one.field);
    return counter === undefined || isSegments(counter) ? one : { ...one, start: counter.start };
  });
  return charge(stored, { ...request, settle: { ...given, windows } }, timeMs, micros);
};

/** A block goes back after the floors have been taken: below what the ledger knows was used. */
export const refundBelowTheFloor: ChargeRule = (stored, request, timeMs, micros) => {
  const { settle: given } = request;
  const step = charge(stored, { ...request, settle: undefined }, timeMs, micros);
  if (given === undefined || step.reply.outcome !== 'decided') return step;
  const settled = settle(after(stored, step.writes), given);
  const incarnation = step.writes.incarnation ?? stored.incarnation;
  return { ...step, writes: { ...step.writes, incarnation, counters: new Map([...step.writes.counters, ...settled]) } };
};

/** What the ledger says is added to the counter: twice as soon as two processes say it. */
export const floorsAdded: ChargeRule = (stored, request, timeMs, micros) => {
  const floors = request.floors?.map((floor, index) => {
    const counter = stored.counters.get(request.windows[index]?.field ?? '');
    const counted = counter === undefined || isSegments(counter) || counter.start !== floor?.start ? 0 : counter.used;
    return floor === undefined ? undefined : { ...floor, used: floor.used + counted };
  });
  return charge(stored, { ...request, floors }, timeMs, micros);
};

/** The present window is that of the process's clock: what another process began is another window. */
export const windowsByTheProcess: ChargeRule = (stored, request, timeMs, micros) => {
  const starts = new Map(request.windows.map((one) => [one.field, 'starts' in one ? one.starts[1] : 0]));
  const latest = Math.max(timeMs, ...starts.values());
  const windows = request.windows.map(
    (one): ChargeWindow =>
      'starts' in one
        ? { ...one, starts: [one.starts[1] - 1, one.starts[1], latest + 1_000], end: latest + 2_000 }
        : one,
  );
  const own = withCounters(stored, (field, counter) =>
    isSegments(counter) || counter.start === starts.get(field) ? counter : undefined,
  );
  const { reply, writes } = charge(own, { ...request, windows }, latest, micros);
  return { reply: { ...reply, timeMs }, writes };
};

/** Ten segments count, the present one among them. */
export const tenSegmentsCounted: ChargeRule = (stored, request, timeMs, micros) => {
  const lengths = new Map(
    request.windows.flatMap((one) => ('segmentMs' in one ? [[one.field, one.segmentMs] as const] : [])),
  );
  const younger = withCounters(stored, (field, counter) => {
    const length = lengths.get(field);
    if (length === undefined || !isSegments(counter)) return counter;
    const present = Math.floor(timeMs / length);
    return { segments: counter.segments.filter(({ index }) => index > present - 10) };
  });
  return charge(younger, request, timeMs, micros);
};

/** A group is granted up to what fits of its sum: [5, 1, 1] with 4 left gets 4 of the 5. */
export const groupAsOneSum: ChargeRule = (stored, request, timeMs, micros) => {
  const step = charge(stored, request, timeMs, micros);
  if (step.reply.outcome !== 'decided' || request.costs.length < 2) return step;
  const sum = request.costs.reduce((total, cost) => total + cost, 0);
  const whole: ChargeRequest = { ...request, costs: [sum] };
  const { reply, writes } = charge(stored, whole, timeMs, micros);
  if (reply.outcome !== 'decided') return step;
  return { writes, reply: { ...reply, granted: request.costs.map(() => reply.granted[0] === true) } };
};

/** A denied request charges the windows that had room for it. */
export const deniedIsCharged: ChargeRule = (stored, request, timeMs, micros) => {
  const step = charge(stored, request, timeMs, micros);
  if (step.reply.outcome !== 'decided' || !step.reply.granted.includes(false)) return step;
  const windows = request.windows.filter(
    ({ limit }, index) =>
      limit === undefined || (step.reply.outcome === 'decided' && (step.reply.windows[index]?.used ?? 0) < limit),
  );
  return {
    reply: step.reply,
    writes: charge(stored, { ...request, windows, floors: undefined }, timeMs, micros).writes,
  };
};

/** A reset acts on any other number, also on a lower one that comes late. */
export const lowerResetActs: ChargeRule = (stored, request, timeMs, micros) =>
  request.resetNumber === stored.resetNumber
    ? charge(stored, request, timeMs, micros)
    : charge({ ...stored, resetNumber: -1 }, request, timeMs, micros);
