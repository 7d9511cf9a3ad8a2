// A file is closed after it was synced, never under it: its descriptor would be another file's by then, or a socket's.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UsageIncrements } from '../../core/usage/increments.js';
import { nodeDisk, type OpenFile } from './disk.js';
import { DiskOwnJournal } from './ownJournal.js';

let folder: string;
let journal: DiskOwnJournal;
/** Ends of the syncs that are under way, in order. */
let ends: (() => void)[];
/** What happened to the files, by the order of their creation. */
let told: string[];
let faults: string[];
let isGone: boolean;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tallygate-sync-'));
  [ends, told, faults, isGone] = [[], [], [], false];
  let files = 0;
  const createNow = (path: string): OpenFile => {
    files += 1;
    const name = `file ${files}`;
    const file = nodeDisk.createNow(path);
    let isClosed = false;
    const during = (what: string) => {
      if (isClosed) faults.push(`${what} of ${name}, which is closed`);
    };
    return {
      append: (bytes) => file.append(bytes),
      cut: (length) => file.cut(length),
      isLinked: () => !isGone,
      sync: async () => {
        during('sync');
        await new Promise<void>((resolve) => ends.push(resolve));
        during('the end of a sync');
        told.push(`synced ${name}`);
      },
      close: () => {
        isClosed = true;
        told.push(`closed ${name}`);
        file.close();
      },
    };
  };
  journal = new DiskOwnJournal({
    ...{ disk: { ...nodeDisk, createNow }, folder, onRefused: (error) => faults.push(String(error)) },
    header: { format: 1, producerId: 'p', ledgerId: 'l', host: 'h', after: 0 },
    monotonicMs: () => 0,
    stopShowing: () => undefined,
  });
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  expect(faults).toEqual([]);
});

let from = 0;
function append(): void {
  const increments = new UsageIncrements();
  increments.addCalls('acme', '2026-11-24', 1);
  from += 1;
  expect(journal.append({ from, to: from, increments })).toBe(true);
}

/** Lets the syncs go on, one after another, until all are done. */
async function endAll(...syncs: Promise<void>[]): Promise<void> {
  let done = false;
  const all = Promise.all(syncs).then(() => {
    done = true;
  });
  while (!done) {
    ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await all;
}

it('a file that is sealed while it is synced is closed afterwards', async () => {
  append();
  const first = journal.sync();
  journal.seal();
  expect(told).toEqual([]);
  await endAll(first, journal.sync());
  expect(told).toEqual(['synced file 1', 'closed file 1']);
});

it('one that is sealed while an earlier one is synced is synced too, and then closed', async () => {
  append();
  journal.seal();
  append();
  const first = journal.sync();
  journal.seal();
  await endAll(first, journal.sync());
  expect(told).toEqual(['synced file 1', 'synced file 2', 'closed file 1', 'closed file 2']);
});

it('syncs come one after another, and the end waits for all of them', async () => {
  append();
  const first = journal.sync();
  append();
  const syncs = [first, journal.sync(), journal.sync(), journal.close()];
  expect(ends.length).toBe(1);
  await endAll(...syncs);
  expect(told).toEqual(['synced file 1', 'synced file 1', 'closed file 1']);
});

it('what was appended while the folder was found empty is not synced through a closed file', async () => {
  append();
  const first = journal.sync();
  append();
  isGone = true;
  await endAll(first);
  isGone = false;
  append();
  await endAll(journal.sync());
  expect(told).toEqual(['synced file 1', 'closed file 1', 'synced file 2']);
});
