// Reading and marking a journal, which anybody may do while its owner goes on writing and merging.
import { join } from 'node:path';
import type { JournalRecord } from '../../ports/usageJournal.js';
import { type Disk, isMissing } from './disk.js';
import { isMergedAround, mergingRanges, type RecordFile, recordFiles, triedName } from './journalFiles.js';
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

/** See `ReadableJournal.read`. A record that lies across `after` is left out: what of it was counted cannot be told. */
export async function readRecords(
  place: JournalPlace,
  range: ReadRange,
  onCorrupt: OnCorrupt,
): Promise<JournalRecord[]> {
  for (let listing = 1; ; listing += 1) {
    try {
      return await readOnce(place, range, onCorrupt);
    } catch (error) {
      if (!isMissing(error) || listing === MAX_LISTINGS) throw error;
    }
  }
}

async function readOnce(
  { disk, folder }: JournalPlace,
  range: ReadRange,
  onCorrupt: OnCorrupt,
): Promise<JournalRecord[]> {
  const names = await disk.list(folder);
  const announced = await announcedNames({ disk, folder }, names);
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
      if (record.to > range.upTo) return records;
      records.push(record);
      position = record.to;
      rows += record.increments.rows;
      // An attempt may not end within a merge, so neither does what is read for one.
      if (rows >= range.mostRows && !isMergedAround(announced, position)) return records;
    }
  }
  return records;
}

/** Whether all of a file's records are in the ledger: those of the next begin where they end. */
const isBefore = (file: RecordFile, next: RecordFile | undefined, after: number): boolean =>
  (file.to ?? next?.from ?? Number.POSITIVE_INFINITY) <= after;

/** See `ReadableJournal.mark`. Writes before it looks, as a merge does: at least one of the two sees the other. */
export async function markAttempt(place: JournalPlace, producerId: string, record: number): Promise<boolean> {
  const { disk, folder } = place;
  const mark = join(folder, triedName(record));
  try {
    const known = await disk.list(folder);
    await disk.touch(mark);
    const names = await announcedNames(place, await disk.list(folder));
    const header = await readHeader(disk, folder);
    if (header.producerId === producerId && !isMergedAround(names, record)) return true;
    // One that an earlier attempt made has to stay.
    if (!known.includes(triedName(record))) await disk.remove(mark);
    return false;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** The names without announcements of merges that nobody makes any more. */
async function announcedNames({ disk, folder }: JournalPlace, names: readonly string[]): Promise<string[]> {
  const old = new Set<string>();
  for (const { name } of mergingRanges(names)) {
    const modifiedAtMs = await disk.stat(join(folder, name)).then(
      (known) => known.modifiedAtMs,
      () => Number.POSITIVE_INFINITY,
    );
    if (Date.now() - modifiedAtMs > ANNOUNCED_FOR_MS) old.add(name);
  }
  return names.filter((name) => !old.has(name));
}
