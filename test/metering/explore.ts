// Random schedules of a world of metering processes: at each step one thing happens, chosen by a seed. At the end everything is left
// to finish, and each booking must have been counted once: those that were on disk exactly, all others at the most.
import { setImmediate as settled } from 'node:timers/promises';
import type { UsageGap } from '../../src/ports/usageLedger.js';
import type { Metered, Mutant, Waiting } from './world.js';
import { World } from './world.js';

/** The things that happen, by the names of the specification. */
export const ACTIONS = [
  'increment',
  'journal',
  'seal',
  'disk',
  'apply',
  'lost acknowledgement',
  'not applied',
  'late commit',
  'kill',
  'kill in a write',
  'restart',
  'replay',
  'merge',
  'second flusher',
  'tell',
  'image',
  'rolled back',
  'collected',
  'disk refuses the append',
  'space returns',
] as const;
export type Action = (typeof ACTIONS)[number];

/** Those that the specification names: each of them must have come right after each. */
export const NAMED: readonly Action[] = ACTIONS.filter(
  (action) =>
    !['disk', 'not applied', 'kill in a write', 'tell', 'image', 'collected', 'space returns'].includes(action),
);

const WEIGHTS: Readonly<Record<Action, number>> = {
  increment: 8,
  journal: 8,
  seal: 9,
  disk: 60,
  apply: 14,
  'lost acknowledgement': 8,
  'not applied': 8,
  'late commit': 6,
  kill: 2,
  'kill in a write': 1,
  restart: 3,
  replay: 4,
  merge: 40,
  'second flusher': 1,
  tell: 3,
  image: 1,
  'rolled back': 1,
  collected: 4,
  'disk refuses the append': 2,
  'space returns': 6,
};

/** Of the rest half: the ledger mostly does not answer, so that usage piles up and is merged, while others replay it. */
const AWAY: Readonly<Record<Action, number>> = {
  ...WEIGHTS,
  ...{ increment: 12, seal: 16, apply: 5, 'not applied': 20, 'lost acknowledgement': 7, merge: 60, replay: 8 },
  ...{ kill: 0.7, 'kill in a write': 0.3, restart: 3, 'rolled back': 0.4, image: 0.4, collected: 8 },
};

/** One schedule of four: the disk fills up again and again under turns that follow each other, and processes die of it. */
const FULL: Readonly<Record<Action, number>> = {
  ...AWAY,
  ...{ increment: 40, journal: 60, seal: 4, merge: 4, disk: 30, replay: 4, kill: 3 },
  ...{ 'disk refuses the append': 24, 'space returns': 40 },
};
const FULL_SHARE = 1 / 4;

const STEPS = 36;
const MOST_PROCESSES = 3;
const MOST_DISK_ROUNDS = 5;
/** What passes with a step: after a refusal the journal tries nothing for a second. */
const STEP_MS = 500;
/** Room on a disk that fills up, in bytes at the most: for a record or two, or a part of one. */
const MOST_ROOM = 160;

/** What was seen over all schedules. */
export class Seen {
  readonly actions = new Map<Action, number>();
  readonly pairs = new Map<string, number>();
  applies = 0;
  lost = 0;

  note(before: Action | undefined, action: Action): void {
    this.actions.set(action, (this.actions.get(action) ?? 0) + 1);
    if (before !== undefined) {
      const pair = `${before} > ${action}`;
      this.pairs.set(pair, (this.pairs.get(pair) ?? 0) + 1);
    }
    if (action === 'apply') this.applies += 1;
    if (action === 'lost acknowledgement') this.lost += 1;
  }
}

/** mulberry32: small, fast, and the same everywhere. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Runs one schedule. Returns what is wrong with its end, in words; undefined where nothing is. */
export async function runSchedule(seed: number, mutant: Mutant, seen: Seen): Promise<string | undefined> {
  const random = randomOf(seed);
  const weights = random() < FULL_SHARE ? FULL : random() < 0.5 ? AWAY : WEIGHTS;
  const world = new World(mutant);
  await world.start().begin();
  let before: Action | undefined;
  let bookings = 0;
  for (let step = 0; step < STEPS; step += 1) {
    const possible = possibleActions(world);
    const action = chosen(possible, weights, random);
    const run = possible.get(action);
    if (run === undefined) continue;
    await run(random, () => {
      bookings += 1;
      return `b${bookings}`;
    });
    await settled();
    seen.note(before, action);
    before = action;
    world.nowMs += STEP_MS;
  }
  return finish(world);
}

type Run = (random: () => number, nextName: () => string) => unknown;

const pick = <T>(items: readonly T[], random: () => number): T => items[Math.floor(random() * items.length)] as T;

function possibleActions(world: World): Map<Action, Run> {
  const { processes, ledger } = world;
  const actions = new Map<Action, Run>();
  const some = (
    action: Action,
    of: readonly Metered[],
    run: (process: Metered, ...rest: Parameters<Run>) => unknown,
  ) => {
    if (of.length > 0) actions.set(action, (random, nextName) => run(pick(of, random), random, nextName));
  };
  const take = (of: readonly Waiting[], random: () => number) => {
    const one = pick(of, random);
    world.waiting = world.waiting.filter((other) => other !== one);
    return one;
  };
  some('increment', processes, (process, _, nextName) => process.book(nextName()));
  some(
    'journal',
    processes.filter((one) => one.endTurn !== undefined),
    (process) => process.endTurn?.(),
  );
  some(
    'seal',
    processes.filter((one) => !one.isReplaying),
    (process) => void process.flush(),
  );
  some('second flusher', processes, (process) => void process.flush());
  some('tell', processes, (process) => void process.tell());
  some(
    'replay',
    processes.filter((one) => !one.isReplaying),
    (process) => void process.replay(),
  );
  some(
    'merge',
    processes.filter((one) => one.canMerge()),
    (process) => process.merge(),
  );
  some('kill', processes, (process) => process.die());
  some(
    'kill in a write',
    processes.filter((one) => one.endTurn !== undefined),
    (process, random) => process.dieWriting(random()),
  );
  if (processes.length < MOST_PROCESSES) actions.set('restart', () => void world.start().begin());
  const isOfLedger = ({ batch, touch }: Waiting) => batch !== undefined || touch !== undefined;
  const onDisk = world.waiting.filter((one) => !isOfLedger(one));
  const onLedger = world.waiting.filter(isOfLedger);
  if (onDisk.length > 0) {
    actions.set('disk', async (random) => {
      const { process } = pick(onDisk, random);
      // One call alone, of which it may have several on the way; or all of its calls, and some that follow from them.
      if (random() < 0.3)
        return take(
          onDisk.filter((one) => one.process === process),
          random,
        ).answer();
      for (let rounds = Math.ceil(random() * MOST_DISK_ROUNDS); rounds > 0; rounds -= 1) {
        const own = world.waiting.filter((one) => one.process === process && !isOfLedger(one));
        world.waiting = world.waiting.filter((one) => !own.includes(one));
        for (const one of own) one.answer();
        await settled();
      }
    });
  }
  if (onLedger.length > 0) {
    actions.set('apply', (random) => take(onLedger, random).answer());
    actions.set('not applied', (random) => take(onLedger, random).lose());
    actions.set('lost acknowledgement', (random) => {
      const one = take(onLedger, random);
      // Committed before the client gives up, or after: then it is late.
      if (one.batch !== undefined) {
        if (random() < 0.5) world.apply(one.batch);
        else world.late.push(one.batch);
      }
      if (one.touch !== undefined) world.touch(one.touch);
      one.lose();
    });
  }
  if (world.late.length > 0) {
    actions.set('late commit', (random) => {
      const batch = pick(world.late, random);
      world.late = world.late.filter((other) => other !== batch);
      world.apply(batch);
    });
  }
  actions.set('disk refuses the append', (random) => {
    world.files.room = random() < 0.3 ? 0 : Math.floor(random() * MOST_ROOM);
  });
  if (Number.isFinite(world.files.room)) actions.set('space returns', () => world.giveSpace());
  actions.set('image', () => ledger.takeImage());
  actions.set('rolled back', () => ledger.goBack());
  const collectable = collectableIds(world);
  if (collectable.length > 0) {
    actions.set('collected', (random) => {
      const id = pick(collectable, random);
      ledger.producers.delete(id);
      ledger.tooOld.add(id);
      // No image is as old as what is collected.
      ledger.takeImage();
    });
  }
  return actions;
}

/** Producers of dead processes that have nothing left to tell: in life they are 35 days old. */
function collectableIds(world: World): string[] {
  const live = new Set(world.processes.map((one) => one.producer.id));
  return [...world.ledger.producers.keys()].filter((id) => !live.has(id) && world.isTold(id));
}

function chosen(
  possible: ReadonlyMap<Action, Run>,
  weights: Readonly<Record<Action, number>>,
  random: () => number,
): Action {
  // Sometimes whatever is possible, so that rare things meet rare things.
  if (random() < 0.15) return pick([...possible.keys()], random);
  let total = 0;
  for (const action of possible.keys()) total += weights[action];
  let left = random() * total;
  let last: Action = 'increment';
  for (const action of possible.keys()) {
    last = action;
    left -= weights[action];
    if (left < 0) break;
  }
  return last;
}

/** Everything that waits is answered, everybody flushes, and what the dead left is replayed. */
async function finish(world: World): Promise<string | undefined> {
  world.isDirect = true;
  world.giveSpace();
  world.nowMs += 10_000;
  for (let waiting = world.waiting; waiting.length > 0; waiting = world.waiting) {
    world.waiting = [];
    for (const one of waiting) one.answer();
    await settled();
  }
  for (const batch of world.late) world.apply(batch);
  world.late = [];
  const [survivor = world.start()] = world.processes;
  await survivor.begin();
  for (const [index, process] of world.processes.entries()) {
    // One batch more, or a word: without it nobody has looked at the ledger since it last went back.
    if (index === 1) process.book(`last ${index}`);
    process.endTurn?.();
    await (index === 1 ? process.flush() : process.tell());
  }
  // What a dead owner announced and did not do counts for ten minutes.
  world.files.isOld = true;
  await survivor.replay();
  return judged(world);
}

function judged(world: World): string | undefined {
  const { refused, gaps } = world;
  const { units } = world.ledger;
  const faults = [...world.surprises];
  for (const name of world.booked) {
    const counted = units.get(name) ?? 0;
    if (counted > 1) faults.push(`${name} was counted ${counted} times`);
    if (counted === 0 && world.kept.has(name)) faults.push(`${name} was lost`);
  }
  for (const process of world.processes) {
    if (process.buffer.rows > 0) faults.push(`${process.producer.id} still has ${process.buffer.rows} rows`);
  }
  // What only its process has: counted, told as missing, or gone with the process. That it is told and arrives later, by a
  // transaction that was on its way or from an owner that only looked dead, is no fault: nothing is lost and nothing is doubled.
  const told = namesOf(gaps);
  const missing = new Set<string>();
  for (const { process, record, bookings } of refused) {
    const name = nameOf(process.producer.id, record);
    const isCounted = bookings.every((booking) => units.get(booking) === 1);
    const isTold = told.delete(name);
    if (isTold) for (const booking of bookings) missing.add(booking);
    if (!isTold && !isCounted && !process.isDead) faults.push(`${name} was lost: ${bookings.join()}`);
  }
  for (const name of world.falseClaims) if (!missing.has(name)) faults.push(`${name} was said to be in the ledger`);
  for (const name of told) faults.push(`a gap was told of ${name}, which was on disk`);
  return faults.length === 0 ? undefined : faults.join('; ');
}

const nameOf = (producerId: string | undefined, record: number): string => `${producerId}/${record}`;

/** The records that gaps are of. */
function namesOf(gaps: readonly UsageGap[]): Set<string> {
  const names = new Set<string>();
  for (const { producerId, from, to } of gaps) {
    for (let record = from + 1; record <= to; record += 1) names.add(nameOf(producerId, record));
  }
  return names;
}
