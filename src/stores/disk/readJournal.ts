// Reading and marking a journal, which anybody may do while its owner goes on writing and merging.
import { join } from 'node:path';
import type { JournalRecord } from '../../ports/usageJournal.js';
import { type Disk, isMissing } from './disk.js';
import {
  announcedMerges,
  type MergeRange,
  madeMerges,
  mergesAround,
  type RecordFile,
  recordFiles,
  triedName,
} from './journalFiles.js';
import { readHeader } from './journalHeader.js';
import { decodeRecords } from './recordLine.js';

/** A merge that was announced longer ago than this was given up: its owner takes a minute at the most (`ownJournal.ts`). */
const ANNOUNCED_FOR_MS = 600_000;
/** How often the folder is listed anew where files vanish while they are read: each time its owner has merged or dropped some. */
const MAX_LISTINGS = 20;

/** A journal's place. */
export interface JournalPlace {
  readonly disk: Disk;
  readonly folder: string;
}

/** Told of lines that are no records, with the file that holds them. */
export type OnCorrupt = (file: string, lines: readonly Buffer[]) => Promise<void>;

/** What to read. */
export interface ReadRange {
  readonly after: number;
  readonly upTo: number;
  readonly mostRows: number;
}

/** What was read. */
export interface JournalReading {
  readonly records: JournalRecord[];
  /** Names of the merged files that were there: the records are those of a folder with these. */
  readonly merged: ReadonlySet<string>;
}

/** See `ReadableJournal.read`. A record that lies across `after` is left out: what of it was counted cannot be told. */
export async function readRecords(
  place: JournalPlace,
  range: ReadRange,
  onCorrupt: OnCorrupt,
): Promise<JournalReading> {
  for (let listing = 1; ; listing += 1) {
    try {
      return await readOnce(place, range, onCorrupt);
    } catch (error) {
      if (!isMissing(error) || listing === MAX_LISTINGS) throw error;
    }
  }
}

async function readOnce(place: JournalPlace, range: ReadRange, onCorrupt: OnCorrupt): Promise<JournalReading> {
  const { disk, folder } = place;
  const names = await disk.list(folder);
  const announced = await presentAnnouncements(place, names);
  const merged = new Set(madeMerges(names).map((one) => one.name));
  const files = recordFiles(names);
  const records: JournalRecord[] = [];
  let position = range.after;
  let rows = 0;
  for (const [index, file] of files.entries()) {
    if (isBefore(file, files[index + 1], range.after)) continue;
    const { records: found, corrupt, torn } = decodeRecords(await disk.read(join(folder, file.name)));
    // Only in the last file can a record be on its way; elsewhere it was cut off.
    const broken = index < files.length - 1 && torn.length > 0 ? [...corrupt, torn] : corrupt;
    if (broken.length > 0) await onCorrupt(file.name, broken);
    for (const record of found) {
      if (record.from < position) continue;
      if (record.to > range.upTo) return { records, merged };
      records.push(record);
      position = record.to;
      rows += record.increments.rows;
      // An attempt may not end within what is being merged, so neither does what is read for one.
      if (rows >= range.mostRows && mergesAround(announced, position).length === 0) return { records, merged };
    }
  }
  return { records, merged };
}

/** Whether all of a file's records are in the ledger: those of the next begin where they end. */
const isBefore = (file: RecordFile, next: RecordFile | undefined, after: number): boolean =>
  (file.to ?? next?.from ?? Number.POSITIVE_INFINITY) <= after;

/** The owner's mark: it knows its own merges, and makes none while it attempts. */
export const markOwnAttempt = ({ disk, folder }: JournalPlace, record: number): Promise<void> =>
  disk.touch(join(folder, triedName(record)));

/**
 * Anybody else's mark: see `ReadableJournal.mark`. Writes before it looks, as a merge does: at least one of the two sees the other.
 * A merge around the record is right only where its portions are what was read.
 */
export async function markAttempt(
  place: JournalPlace,
  producerId: string,
  record: number,
  merged: ReadonlySet<string>,
): Promise<boolean> {
  const { disk, folder } = place;
  try {
    const known = await disk.list(folder);
    await markOwnAttempt(place, record);
    const names = await disk.list(folder);
    const isMerging = mergesAround(await presentAnnouncements(place, names), record).length > 0;
    const isOtherwise = mergesAround(madeMerges(names), record).some((one) => !merged.has(one.name));
    const header = await readHeader(disk, folder);
    if (header.producerId === producerId && !isMerging && !isOtherwise) return true;
    // One that an earlier attempt made has to stay.
    if (!known.includes(triedName(record))) await disk.remove(join(folder, triedName(record)));
    return false;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Announced merges, but for those that nobody makes any more. */
async function presentAnnouncements({ disk, folder }: JournalPlace, names: readonly string[]): Promise<MergeRange[]> {
  const present: MergeRange[] = [];
  for (const merge of announcedMerges(names)) {
    const modifiedAtMs = await disk.stat(join(folder, merge.name)).then(
      (known) => known.modifiedAtMs,
      () => Number.POSITIVE_INFINITY,
    );
    if (Date.now() - modifiedAtMs <= ANNOUNCED_FOR_MS) present.push(merge);
  }
  return present;
}
