// `npm run bench -- journal`: what a turn of the event loop pays for the journal: the shipped buffer and journal on a disk, each turn in a
// turn of its own. With fdatasync all the time and without it by turns: it runs off the loop, and this is where it would be seen.
import { rmSync, statfsSync } from 'node:fs';
import { setImmediate as immediate } from 'node:timers/promises';
import { textTable } from '../src/cli/textTable.js';
import type { OwnJournal } from '../src/ports/usageJournal.js';
import { UsageBuffer } from '../src/services/metering/usageBuffer.js';
import { DiskJournal } from '../src/stores/disk/diskJournal.js';
import { newFolder } from '../test/servers/runFolder.js';
import { Loads, machineLine } from './machine.js';
import { readNumbers } from './partOptions.js';
import { percentile } from './percentile.js';
import type { Part } from './run.js';
import { seededRandom, tenantIds } from './traffic.js';

const OPTIONS = {
  /** Turns of each kind, in each way. */
  turns: { full: 10_000, quick: 500 },
};
/** Turns before the other way's turn. */
const BLOCK = 250;
const WARM_UP = 1_000;
const DATE = '2026-03-17';
const PRODUCER = '01900000-0000-7000-8000-000000000001';
const LEDGER = '01900000-0000-7000-8000-000000000002';

/** Requests of one turn: one on a quiet process, more where they arrive together. */
const REQUESTS = [1, 16, 128];

/** File systems by the number that statfs gives, as far as journals are put there. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2035054128: 'overlay',
};

interface Times {
  /** Of the turn's end: its record made, encoded and written. */
  readonly append: number[];
  /** Of the whole turn's bookings, that end included. */
  readonly turn: number[];
}

/** See the head of this file. */
export const journal: Part = async (args) => {
  const { turns } = readNumbers(args, OPTIONS);
  const folder = newFolder('journal');
  const loads = new Loads();
  loads.note();
  const lines: string[][] = [];
  for (const requests of REQUESTS) {
    const { without, during, syncs, bytes } = await measure(folder, requests, turns);
    for (const [way, times] of [
      ['without', without],
      ['all the time', during],
    ] as const) {
      lines.push([
        `${requests} request${requests === 1 ? '' : 's'} a turn`,
        way,
        ...[times.append, times.turn].flatMap((values) => [50, 99].map((at) => percentile(values, at).toFixed(1))),
        way === 'without' ? '' : String(syncs),
        bytes.toFixed(0),
      ]);
    }
    loads.note();
  }
  const { type } = statfsSync(folder);
  rmSync(folder, { recursive: true });
  return [
    `${machineLine()}; the journal on ${FILE_SYSTEMS[Number(type)] ?? `a file system of type ${type}`}.`,
    loads.line(),
    `${turns} turns a line, in microseconds. Of each request a call, a charge and its user; a hundred tenants, some thousand users.`,
    '',
    textTable([HEADING, ...lines]),
  ].join('\n');
};

const HEADING = [
  ...['turn', 'fdatasync', 'append p50', 'p99', 'with its bookings p50', 'p99'],
  ...['fdatasyncs', 'bytes a record'],
];

async function measure(folder: string, requests: number, turns: number) {
  const disk = new DiskJournal({ folder, address: 'bench', onRefused: fail, onCorrupt: fail });
  const own = disk.begin({ producerId: PRODUCER, ledgerId: LEDGER, after: 0 });
  if (own === undefined) throw new Error('the disk refused a journal');
  let bytes = 0;
  const counted = countedAppends(own, (written) => {
    bytes += written;
  });
  const buffer = new UsageBuffer({ onSaturated: fail, journal: () => counted, atEndOfTurn: () => undefined });
  const ways = { without: newTimes(), during: newTimes() };
  let [syncing, isOver, syncs] = [false, false, 0];
  const syncAllTheTime = async () => {
    while (!isOver) {
      if (syncing) {
        await own.sync();
        syncs += 1;
      }
      await immediate();
    }
  };
  const synced = syncAllTheTime();
  const book = booker(buffer, requests);
  for (let made = -WARM_UP; made < 2 * turns; made += 1) {
    syncing = Math.floor(made / BLOCK) % 2 !== 0;
    const times = made < 0 ? newTimes() : syncing ? ways.during : ways.without;
    await immediate();
    const startedAt = performance.now();
    book();
    const bookedAt = performance.now();
    buffer.endTurn();
    const endedAt = performance.now();
    times.append.push((endedAt - bookedAt) * 1000);
    times.turn.push((endedAt - startedAt) * 1000);
    // As if the ledger had taken them: what waits stays small.
    if (buffer.sealed.length > 0) buffer.dropUpTo(buffer.lastRecord);
  }
  isOver = true;
  await synced;
  await own.close();
  return { ...ways, syncs, bytes: bytes / buffer.lastRecord };
}

/** Books a turn's requests. Users come again and again, as in life, and are booked once a day. */
function booker(buffer: UsageBuffer, requests: number): () => void {
  const random = seededRandom(3);
  const tenants = tenantIds(100);
  return () => {
    for (let request = 0; request < requests; request += 1) {
      const tenantId = tenants[Math.floor(random() * tenants.length)] ?? '';
      buffer.addCharge({ tenantId, usageDate: DATE, meter: '', resetNumber: 0 }, { units: 1 });
      buffer.addCalls(tenantId, DATE, 1);
      buffer.addUser(tenantId, DATE, `user-${Math.floor(random() * 5_000)}`);
    }
  };
}

/** The journal, with the bytes of each append told. */
function countedAppends(own: OwnJournal, onAppended: (bytes: number) => void): OwnJournal {
  return new Proxy(own, {
    get: (target, name) => {
      if (name !== 'append') {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return (record: Parameters<OwnJournal['append']>[0]) => {
        const before = target.openBytes;
        const taken = target.append(record);
        onAppended(target.openBytes - before);
        return taken;
      };
    },
  });
}

const newTimes = (): Times => ({ append: [], turn: [] });

function fail(...reasons: unknown[]): void {
  throw new Error(`the journal is not in order: ${reasons.map(String).join(' ')}`);
}
