// What the journal does to its files when something goes wrong with them: on a real disk, with one that fills up where needed.
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageIncrements } from '../../core/usage/increments.js';
import type { JournalRecord, OwnJournal } from '../../ports/usageJournal.js';
import { type Disk, nodeDisk } from './disk.js';
import { DiskJournal } from './diskJournal.js';

const PRODUCER = '00000000-0000-7000-8000-000000000001';
const LEDGER = '00000000-0000-4000-8000-000000000000';
const ALL = Number.POSITIVE_INFINITY;

let folder: string;
let refusals: string[];
let putAside: number;
let nowMs: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tallygate-journal-'));
  refusals = [];
  putAside = 0;
  nowMs = 1_000_000;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As a process of its own would have it. */
function journalsOf(disk: Disk = nodeDisk): DiskJournal {
  return new DiskJournal({
    ...{ folder, address: 'here', disk, monotonicMs: () => nowMs },
    socket: { show: () => () => {}, isAlive: () => Promise.resolve(false) },
    onRefused: (error) => void refusals.push(error instanceof Error ? error.message : String(error)),
    onCorrupt: (_, lines) => {
      putAside += lines;
    },
  });
}

function begun(disk?: Disk): OwnJournal {
  const own = journalsOf(disk).begin({ producerId: PRODUCER, ledgerId: LEDGER, after: 0 });
  if (own === undefined) throw new Error('the journal was not begun');
  return own;
}

function recordOf(from: number, to = from + 1, tenant = `t${from}`): JournalRecord {
  const increments = new UsageIncrements();
  increments.addCalls(tenant, '2026-11-24', 1);
  return { from, to, increments };
}

async function found() {
  const [journal] = await journalsOf().others();
  if (journal === undefined) throw new Error('no journal was found');
  return journal;
}

const refuse = () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
const filesOf = () => readdirSync(join(folder, PRODUCER)).sort();
const segment = (from: number) => join(folder, PRODUCER, `${String(from).padStart(16, '0')}.seg`);
const rangesOf = (records: readonly JournalRecord[]) => records.map(({ from, to }) => [from, to]);

const headerOf = (format: number): string =>
  JSON.stringify({ format, producerId: PRODUCER, ledgerId: LEDGER, host: 'elsewhere', after: 0 });

describe('a journal on disk', () => {
  it('is read by others as it was written, whatever was sealed', async () => {
    const own = begun();
    for (let record = 0; record < 5; record += 1) {
      expect(own.append(recordOf(record))).toBe(true);
      if (record % 2 === 1) own.seal();
    }
    await own.sync();
    const journal = await found();
    expect(journal).toMatchObject({ producerId: PRODUCER, ledgerId: LEDGER, after: 0, trouble: undefined });
    const records = await journal.read(0, ALL, ALL);
    expect(records).toEqual([0, 1, 2, 3, 4].map((record) => recordOf(record)));
    expect(rangesOf(await journal.read(3, ALL, ALL))).toEqual([
      [3, 4],
      [4, 5],
    ]);
    expect(rangesOf(await journal.read(0, 2, ALL))).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(rangesOf(await journal.read(0, ALL, 2))).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });

  it('of which the last record is torn has all the others, and nothing is put aside', async () => {
    const own = begun();
    own.append(recordOf(0));
    own.append(recordOf(1));
    const bytes = readFileSync(segment(0));
    writeFileSync(segment(0), bytes.subarray(0, -4));
    expect(rangesOf(await (await found()).read(0, ALL, ALL))).toEqual([[0, 1]]);
    expect(putAside).toBe(0);
  });

  it('of which a record is damaged has the others, and the damaged line is kept apart, once', async () => {
    const own = begun();
    for (let record = 0; record < 3; record += 1) own.append(recordOf(record));
    const bytes = readFileSync(segment(0));
    const second = bytes.indexOf('\n') + 20;
    bytes.writeUInt8(bytes.readUInt8(second) ^ 1, second);
    writeFileSync(segment(0), bytes);
    const journal = await found();
    for (let time = 0; time < 2; time += 1)
      expect(rangesOf(await journal.read(0, ALL, ALL))).toEqual([
        [0, 1],
        [2, 3],
      ]);
    expect(putAside).toBe(1);
    expect(readdirSync(join(folder, 'quarantine'))).toEqual([`${PRODUCER}-${'0'.repeat(16)}.seg`]);
  });

  it('goes on behind its last whole record after the disk was full in the middle of one', async () => {
    let room = 10_000;
    const filling: Disk = {
      ...nodeDisk,
      createNow: (path) => {
        const file = nodeDisk.createNow(path);
        const append = (bytes: Buffer) => {
          const taken = file.append(bytes.subarray(0, Math.max(0, room)));
          room -= taken;
          return taken;
        };
        return {
          ...{ cut: file.cut.bind(file), sync: file.sync.bind(file), isLinked: file.isLinked.bind(file) },
          close: file.close.bind(file),
          append,
        };
      },
    };
    const own = begun(filling);
    expect(own.append(recordOf(0))).toBe(true);
    room = 15;
    expect(own.append(recordOf(1))).toBe(false);
    expect(refusals).toHaveLength(1);
    room = 10_000;
    // For a second nothing is tried: a full disk must not cost every request a system call.
    expect(own.append(recordOf(2))).toBe(false);
    nowMs += 1_000;
    expect(own.append(recordOf(3))).toBe(true);
    expect(rangesOf(await (await found()).read(0, ALL, ALL))).toEqual([
      [0, 1],
      [3, 4],
    ]);
    expect(putAside).toBe(0);
  });

  it('of another process is left for later where the disk does not take the mark or the copy of a damaged record', async () => {
    const own = begun();
    own.append(recordOf(0));
    const [journal] = await journalsOf({ ...nodeDisk, touch: refuse, write: refuse }).others();
    expect(rangesOf((await journal?.read(0, ALL, ALL)) ?? [])).toEqual([[0, 1]]);
    await expect(journal?.mark(1)).rejects.toMatchObject({ code: 'ledger_unavailable' });
    appendFileSync(segment(0), 'damaged\n');
    await expect(journal?.read(0, ALL, ALL)).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(refusals).toHaveLength(2);
  });

  it('of another process whose folder vanishes has nothing to tell', async () => {
    begun().append(recordOf(0));
    const journal = await found();
    rmSync(join(folder, PRODUCER), { recursive: true });
    expect(await journal.read(0, ALL, ALL)).toEqual([]);
    expect(await journal.mark(1)).toBe(false);
    expect(refusals).toEqual([]);
  });

  it('in a folder that cannot be made is not begun, and says why', () => {
    writeFileSync(join(folder, 'file'), '');
    const made = new DiskJournal({
      ...{ folder: join(folder, 'file', 'journal'), address: 'here' },
      onRefused: (error) => void refusals.push(String(error)),
      onCorrupt: () => {},
    });
    expect(made.begin({ producerId: PRODUCER, ledgerId: LEDGER, after: 0 })).toBeUndefined();
    expect(refusals).toEqual([expect.stringContaining('ENOTDIR')]);
  });

  it('that was merged is its sums, in the place of all that was merged, and is read on behind them', async () => {
    const own = begun();
    for (let record = 0; record < 6; record += 1) {
      own.append(recordOf(record));
      if (record !== 4) own.seal();
    }
    expect(await own.merge(1, 4, [recordOf(1, 2, 'sum'), recordOf(2, 4, 'sum')])).toBe(true);
    expect(filesOf().filter((name) => !name.startsWith('header'))).toEqual([
      `${'0'.repeat(16)}.seg`,
      `${'0'.repeat(15)}1-${'0'.repeat(15)}4.merged`,
      `${'0'.repeat(15)}4.seg`,
    ]);
    expect(rangesOf(await (await found()).read(0, ALL, ALL))).toEqual([
      [0, 1],
      [1, 2],
      [2, 4],
      [4, 5],
      [5, 6],
    ]);
  });

  it('is not merged around a record at which somebody may have attempted to end', async () => {
    const own = begun();
    for (let record = 0; record < 4; record += 1) {
      own.append(recordOf(record));
      own.seal();
    }
    const journal = await found();
    await journal.read(0, 2, ALL);
    expect(await journal.mark(2)).toBe(true);
    expect(await own.merge(0, 4, [recordOf(0, 4, 'sum')])).toBe(false);
    expect(await own.merge(2, 4, [recordOf(2, 4, 'sum')])).toBe(true);
    expect(rangesOf(await journal.read(0, ALL, ALL))).toEqual([
      [0, 1],
      [1, 2],
      [2, 4],
    ]);
  });

  it('that was merged since it was read is to be read again before an attempt ends within', async () => {
    const own = begun();
    for (let record = 0; record < 4; record += 1) {
      own.append(recordOf(record));
      own.seal();
    }
    const journal = await found();
    await journal.read(0, 2, ALL);
    await own.merge(0, 4, [recordOf(0, 2, 'one'), recordOf(2, 4, 'two')]);
    expect(await journal.mark(2)).toBe(false);
    await journal.read(0, 2, ALL);
    expect(await journal.mark(2)).toBe(true);
  });

  it('that moved to another id is not applied under the old one any more', async () => {
    const own = begun();
    own.append(recordOf(0));
    own.append(recordOf(1));
    const before = await found();
    await before.read(0, ALL, ALL);
    const other = '00000000-0000-7000-8000-000000000002';
    expect(await own.moveTo(other, 1, false)).toBe(true);
    expect(await before.mark(2)).toBe(false);
    expect(await found()).toMatchObject({ producerId: other, after: 1 });
    expect(await (await found()).mark(2)).toBe(true);
    expect(await own.moveTo(PRODUCER, 1, false)).toBe(false);
  });

  it('of a form that is not known is left alone', async () => {
    begun().append(recordOf(0));
    for (const header of ['{"format":2}', headerOf(3), headerOf(0)]) {
      writeFileSync(join(folder, PRODUCER, 'header.json'), header);
      expect(await found()).toMatchObject({ ledgerId: undefined, trouble: expect.stringContaining('form') });
    }
  });

  it('of the version before is read as it is', async () => {
    begun().append(recordOf(0));
    writeFileSync(join(folder, PRODUCER, 'header.json'), headerOf(1));
    expect(await found()).toMatchObject({ ledgerId: LEDGER, trouble: undefined });
    expect(rangesOf(await (await found()).read(0, ALL, ALL))).toEqual([[0, 1]]);
  });

  it('keeps what was applied for ten minutes, for a ledger that goes back', async () => {
    const own = begun();
    for (let record = 0; record < 3; record += 1) {
      own.append(recordOf(record));
      own.seal();
    }
    own.append(recordOf(3));
    await own.applied(2);
    nowMs += 599_000;
    await own.applied(2);
    expect(rangesOf(await own.read(0, ALL, ALL))).toHaveLength(4);
    nowMs += 1_000;
    await own.applied(3);
    expect(rangesOf(await own.read(0, ALL, ALL))).toEqual([
      [2, 3],
      [3, 4],
    ]);
  });

  it('goes on in a new folder where somebody removed the old one', async () => {
    const own = begun();
    own.append(recordOf(0));
    rmSync(join(folder, PRODUCER), { recursive: true });
    await own.sync();
    expect(own.append(recordOf(1))).toBe(true);
    appendFileSync(join(folder, PRODUCER, 'note'), '');
    expect(rangesOf(await (await found()).read(0, ALL, ALL))).toEqual([[1, 2]]);
  });

  it('remembers by the database which ledger it was for', async () => {
    expect(journalsOf().lastLedgerId()).toBeUndefined();
    await journalsOf().rememberLedgerId(LEDGER);
    expect(journalsOf().lastLedgerId()).toBe(LEDGER);
  });
});
