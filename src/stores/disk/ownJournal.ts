// This process's journal. Only its owner appends, seals, cuts and merges.
//
// States of the open file: none (before the first append, after a seal), open, and torn (a write was taken in part: it is cut before
// the next append). After a refusal of the disk nothing is tried for a second, so that a full disk costs a request nothing.
import { dirname, join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { TallygateError } from '../../core/errors.js';
import type { JournalRecord, OwnJournal } from '../../ports/usageJournal.js';
import { isMissing, isRefusal, type OpenFile } from './disk.js';
import { FileSyncs } from './fileSyncs.js';
import {
  HEADER,
  isTriedWithin,
  mergedName,
  mergingName,
  recordFiles,
  replacedBy,
  segmentName,
  triedName,
  triedRecords,
} from './journalFiles.js';
import { type JournalHeader, writeHeaderNow } from './journalHeader.js';
import { type JournalPlace, markOwnAttempt, readRecords } from './readJournal.js';
import { encodeRecord } from './recordLine.js';

/** How long and how much of what is in the ledger is kept for a ledger that goes back. */
export const KEPT_MS = 600_000;
const KEPT_BYTES = 64 * 1024 * 1024;
const REFUSED_FOR_MS = 1_000;
/** Longest that a merge may take from its announcement: others take one of ten minutes as given up. */
const MERGE_DEADLINE_MS = 60_000;

/** What it needs beside its place. */
export interface OwnJournalParts extends JournalPlace {
  readonly header: JournalHeader;
  /** Told of each refusal of the disk. */
  readonly onRefused: (error: unknown) => void;
  readonly monotonicMs: () => number;
  /** Ends what shows that the owner lives. */
  readonly stopShowing: () => void;
}

/** The file that is appended to. */
interface OpenSegment {
  readonly file: OpenFile;
  bytes: number;
  isTorn: boolean;
}

/** A file whose records are all in the ledger. */
interface AppliedFile {
  readonly name: string;
  readonly bytes: number;
  readonly sinceMs: number;
}

/** See the head of this file. */
export class DiskOwnJournal implements OwnJournal {
  readonly #parts: OwnJournalParts;
  readonly #place: JournalPlace;
  #header: JournalHeader;
  #open: OpenSegment | undefined;
  readonly #syncs = new FileSyncs();
  /** Whether the header, without which nobody can read the rest, is on the disk itself. */
  #isHeaderSynced = false;
  #refusedUntilMs = 0;
  #applied = new Map<string, AppliedFile>();

  constructor(parts: OwnJournalParts) {
    this.#parts = parts;
    this.#place = { disk: parts.disk, folder: parts.folder };
    this.#header = parts.header;
  }

  get producerId(): string {
    return this.#header.producerId;
  }

  get after(): number {
    return this.#header.after;
  }

  get openBytes(): number {
    return this.#open?.bytes ?? 0;
  }

  append(record: JournalRecord): boolean {
    if (this.#parts.monotonicMs() < this.#refusedUntilMs) return false;
    try {
      const open = this.#opened(record.from);
      const bytes = encodeRecord(record);
      open.isTorn = true;
      const taken = open.file.append(bytes);
      if (taken < bytes.length) throw Object.assign(new Error('The disk took a part of a record.'), { code: 'ENOSPC' });
      open.isTorn = false;
      open.bytes += bytes.length;
      this.#syncs.wrote(open.file);
      return true;
    } catch (error) {
      this.#refused(error);
      return false;
    }
  }

  /** The open file, cut to whole records. */
  #opened(from: number): OpenSegment {
    if (this.#open?.isTorn === true) {
      this.#open.file.cut(this.#open.bytes);
      this.#open.isTorn = false;
    }
    this.#open ??= {
      file: this.#place.disk.createNow(join(this.#place.folder, segmentName(from))),
      bytes: 0,
      isTorn: false,
    };
    return this.#open;
  }

  seal(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    try {
      if (open.isTorn) open.file.cut(open.bytes);
    } catch (error) {
      // It stays behind the last record: whoever reads it puts it aside.
      this.#refused(error);
    }
    this.#syncs.end(open.file);
  }

  async sync(): Promise<void> {
    try {
      await this.#syncs.sync(() => {
        // Somebody emptied the folder: what was open is in no folder any more.
        if (this.#open !== undefined && !this.#open.file.isLinked()) this.#beginAnew();
      });
      if (!this.#isHeaderSynced) await this.#syncHeader();
    } catch (error) {
      this.#refused(error);
    }
  }

  /** Once: a file system that cannot do it is not asked again. */
  async #syncHeader(): Promise<void> {
    const { disk, folder } = this.#place;
    this.#isHeaderSynced = true;
    try {
      for (const path of [join(folder, HEADER), folder, dirname(folder)]) await disk.syncPath(path);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }

  #beginAnew(): void {
    const { disk, folder } = this.#place;
    if (this.#open !== undefined) this.#syncs.drop(this.#open.file);
    this.#open = undefined;
    disk.makeFolderNow(folder);
    writeHeaderNow(disk, folder, this.#header);
    this.#isHeaderSynced = false;
  }

  async read(after: number, upTo: number, mostRows: number): Promise<readonly JournalRecord[]> {
    try {
      return (await readRecords(this.#place, { after, upTo, mostRows }, async () => {})).records;
    } catch (error) {
      this.#refused(error);
      // A folder that somebody removed has nothing to tell; whatever else is wrong may pass.
      if (isMissing(error)) return [];
      throw new TallygateError('ledger_unavailable', 'The journal cannot be read now.', { cause: error });
    }
  }

  async mark(record: number): Promise<boolean> {
    try {
      await markOwnAttempt(this.#place, record);
    } catch (error) {
      // Nobody but this process merges, and it knows its own attempts: without a disk the mark is missed by nobody.
      this.#refused(error);
    }
    return true;
  }

  async merge(from: number, to: number, records: readonly JournalRecord[]): Promise<boolean> {
    const { disk, folder } = this.#place;
    const announced = join(folder, mergingName(from, to));
    const startedAtMs = Date.now();
    try {
      await disk.touch(announced);
      if (!isTriedWithin(await disk.list(folder), from, to)) {
        await disk.write(announced, encodedInTurns(records));
        await immediate();
        if (Date.now() - startedAtMs < MERGE_DEADLINE_MS) {
          await disk.rename(announced, join(folder, mergedName(from, to)));
          await this.#dropReplaced(from, to);
          return true;
        }
      }
    } catch (error) {
      this.#refused(error);
    }
    await disk.remove(announced).catch((error: unknown) => this.#refused(error));
    return false;
  }

  async #dropReplaced(from: number, to: number): Promise<void> {
    const { disk, folder } = this.#place;
    try {
      // The new name first: without it the old files would be all there is.
      await disk.syncPath(folder);
      for (const name of replacedBy(await disk.list(folder), from, to)) await disk.remove(join(folder, name));
    } catch (error) {
      this.#refused(error);
    }
  }

  async applied(record: number): Promise<void> {
    const { disk, folder } = this.#place;
    try {
      const names = await disk.list(folder);
      const files = recordFiles(names);
      for (const [index, file] of files.entries()) {
        const end = file.to ?? files[index + 1]?.from;
        if (end === undefined || end > record || this.#applied.has(file.name)) continue;
        const { bytes } = await disk.stat(join(folder, file.name));
        this.#applied.set(file.name, { name: file.name, bytes, sinceMs: this.#parts.monotonicMs() });
      }
      const dropped = this.#tooOld();
      for (const name of dropped) await disk.remove(join(folder, name));
      // Marks matter to merges, and none begins before what was applied.
      for (const tried of triedRecords(names)) {
        if (tried < record) await disk.remove(join(folder, triedName(tried)));
      }
    } catch (error) {
      if (!isMissing(error)) this.#refused(error);
    }
  }

  /** Names of files that are kept no longer, the oldest first. */
  #tooOld(): string[] {
    const now = this.#parts.monotonicMs();
    let bytes = [...this.#applied.values()].reduce((sum, file) => sum + file.bytes, 0);
    const dropped: string[] = [];
    for (const { name, bytes: own, sinceMs } of this.#applied.values()) {
      if (bytes <= KEPT_BYTES && now - sinceMs < KEPT_MS) break;
      bytes -= own;
      this.#applied.delete(name);
      dropped.push(name);
    }
    return dropped;
  }

  async moveTo(producerId: string, after: number, evenIfTried: boolean): Promise<boolean> {
    const { disk, folder } = this.#place;
    const before = this.#header;
    const isTried = async () => !evenIfTried && triedRecords(await disk.list(folder)).some((record) => record > after);
    try {
      if (await isTried()) return false;
      // Said, then looked again: as with merges, whoever marked an attempt is seen, or sees that the journal moved.
      writeHeaderNow(disk, folder, { ...before, producerId, after });
      if (await isTried()) {
        writeHeaderNow(disk, folder, before);
        return false;
      }
      this.#header = { ...before, producerId, after };
      this.#isHeaderSynced = false;
      return true;
    } catch (error) {
      this.#refused(error);
      return false;
    }
  }

  async close(): Promise<void> {
    this.seal();
    await this.sync();
    this.#parts.stopShowing();
  }

  #refused(error: unknown): void {
    if (!isRefusal(error)) throw error;
    this.#refusedUntilMs = this.#parts.monotonicMs() + REFUSED_FOR_MS;
    this.#parts.onRefused(error);
  }
}

function* encodedInTurns(records: readonly JournalRecord[]): Generator<Buffer> {
  for (const record of records) yield encodeRecord(record);
}
