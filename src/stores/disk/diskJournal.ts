// The journals of a data folder: this process's, and those that others left there or still write.
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { TallygateError } from '../../core/errors.js';
import type { FoundJournal, JournalRecord, OwnJournal, UsageJournal } from '../../ports/usageJournal.js';
import { looksAlive, showAlive } from './aliveSocket.js';
import { type Disk, isMissing, isRefusal, nodeDisk } from './disk.js';
import { FORMAT, type JournalHeader, KNOWN_FORMATS, readHeader, writeHeaderNow } from './journalHeader.js';
import { DiskOwnJournal, KEPT_MS } from './ownJournal.js';
import { markAttempt, readRecords } from './readJournal.js';

/** Asked once: a system call each time would cost more than what it is needed for. */
const HOST = hostname();
const PRODUCER = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Where damaged records are put aside. */
const QUARANTINE = 'quarantine';

/** What it needs. */
export interface DiskJournalOptions {
  /** `<data folder>/journal`. Made on first use. */
  readonly folder: string;
  /** What stands for the database: an address without secrets. The ledger's id is remembered by it. */
  readonly address: string;
  /** Makes the data folder. */
  readonly makeRoot?: () => void;
  /** Told of each refusal of the disk. */
  readonly onRefused: (error: unknown) => void;
  /** Told of lines that are no records and were put aside. */
  readonly onCorrupt: (file: string, lines: number) => void;
  /** Seams of tests. */
  readonly disk?: Disk;
  readonly monotonicMs?: () => number;
  readonly socket?: { show(folder: string): () => void; isAlive(folder: string): Promise<boolean | undefined> };
}

/** See the head of this file. */
export class DiskJournal implements UsageJournal {
  readonly #options: DiskJournalOptions;
  readonly #disk: Disk;
  readonly #socket: NonNullable<DiskJournalOptions['socket']>;
  /** Names of folders. A journal keeps its folder when it moves to another id. */
  readonly #own = new Set<string>();

  constructor(options: DiskJournalOptions) {
    this.#options = options;
    this.#disk = options.disk ?? nodeDisk;
    this.#socket = options.socket ?? { show: showAlive, isAlive: looksAlive };
  }

  begin(given: { producerId: string; ledgerId: string; after: number }): OwnJournal | undefined {
    const header: JournalHeader = { format: FORMAT, host: HOST, ...given };
    const folder = join(this.#options.folder, header.producerId);
    try {
      this.#options.makeRoot?.();
      this.#disk.makeFolderNow(folder);
      writeHeaderNow(this.#disk, folder, header);
    } catch (error) {
      this.#refused(error);
      return undefined;
    }
    const own = new DiskOwnJournal({
      disk: this.#disk,
      folder,
      header,
      onRefused: this.#options.onRefused,
      monotonicMs: this.#options.monotonicMs ?? (() => performance.now()),
      stopShowing: this.#socket.show(folder),
    });
    this.#own.add(header.producerId);
    return own;
  }

  lastLedgerId(): string | undefined {
    try {
      const text = this.#disk.readNow(this.#rememberedName()).trim();
      return PRODUCER.test(text) ? text : undefined;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return undefined;
    }
  }

  async rememberLedgerId(ledgerId: string): Promise<void> {
    if (this.lastLedgerId() === ledgerId) return;
    try {
      this.#options.makeRoot?.();
      this.#disk.makeFolderNow(this.#options.folder);
      const name = this.#rememberedName();
      await this.#disk.write(`${name}.new`, [Buffer.from(`${ledgerId}\n`)]);
      await this.#disk.rename(`${name}.new`, name);
    } catch (error) {
      this.#refused(error);
    }
  }

  /** An address may be long and may hold what no file name can. */
  #rememberedName(): string {
    const hash = createHash('sha256').update(this.#options.address).digest('hex').slice(0, 16);
    return join(this.#options.folder, `ledger-${hash}`);
  }

  async others(): Promise<readonly FoundJournal[]> {
    try {
      const names = (await this.#disk.list(this.#options.folder)).filter(
        (name) => PRODUCER.test(name) && !this.#own.has(name),
      );
      const found = await Promise.all(names.map((name) => this.#found(join(this.#options.folder, name))));
      return found.filter((one) => one !== undefined);
    } catch (error) {
      if (!isMissing(error)) this.#refused(error);
      return [];
    }
  }

  async damagedFiles(): Promise<readonly string[]> {
    const folder = join(this.#options.folder, QUARANTINE);
    try {
      return (await this.#disk.list(folder)).sort().map((name) => join(folder, name));
    } catch (error) {
      if (!isMissing(error)) this.#refused(error);
      return [];
    }
  }

  async #found(folder: string): Promise<FoundJournal | undefined> {
    try {
      return new DiskFoundJournal(
        this.#options,
        this.#disk,
        this.#socket,
        folder,
        await readHeader(this.#disk, folder),
      );
    } catch (error) {
      // Being made, or being removed.
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #refused(error: unknown): void {
    if (!isRefusal(error)) throw error;
    this.#options.onRefused(error);
  }
}

class DiskFoundJournal implements FoundJournal {
  readonly #options: DiskJournalOptions;
  readonly #disk: Disk;
  readonly #socket: NonNullable<DiskJournalOptions['socket']>;
  readonly #folder: string;
  readonly #header: JournalHeader;
  /** Merged files that were there when it was read last. */
  #merged: ReadonlySet<string> = new Set();

  constructor(
    options: DiskJournalOptions,
    disk: Disk,
    socket: NonNullable<DiskJournalOptions['socket']>,
    folder: string,
    header: JournalHeader,
  ) {
    this.#options = options;
    this.#disk = disk;
    this.#socket = socket;
    this.#folder = folder;
    this.#header = header;
  }

  get producerId(): string {
    return this.#header.producerId;
  }

  get after(): number {
    return this.#header.after;
  }

  get ledgerId(): string | undefined {
    return this.trouble === undefined ? this.#header.ledgerId : undefined;
  }

  get trouble(): string | undefined {
    if (KNOWN_FORMATS.includes(this.#header.format)) return undefined;
    return `${this.#folder} has a form that this version does not know.`;
  }

  async isAlive(): Promise<boolean | undefined> {
    if (this.#header.host !== HOST) return undefined;
    return this.#socket.isAlive(this.#folder);
  }

  async read(after: number, upTo: number, mostRows: number): Promise<readonly JournalRecord[]> {
    const place = { disk: this.#disk, folder: this.#folder };
    try {
      const { records, merged } = await readRecords(place, { after, upTo, mostRows }, (file, lines) =>
        this.#putAside(file, lines),
      );
      this.#merged = merged;
      return records;
    } catch (error) {
      // A folder that somebody removed has nothing to tell.
      if (isMissing(error)) return [];
      throw this.#refusal('The journal of another process cannot be read now.', error);
    }
  }

  async mark(record: number): Promise<boolean> {
    const place = { disk: this.#disk, folder: this.#folder };
    try {
      return await markAttempt(place, this.producerId, record, this.#merged);
    } catch (error) {
      // Without the mark its owner, should it live, could merge across the attempt: it waits for the disk.
      throw this.#refusal('The journal of another process cannot be marked now.', error);
    }
  }

  #refusal(message: string, error: unknown): unknown {
    if (!isRefusal(error)) return error;
    this.#options.onRefused(error);
    return new TallygateError('ledger_unavailable', message, { cause: error });
  }

  async finished(): Promise<void> {
    try {
      const names = await this.#disk.list(this.#folder);
      const times = await Promise.all(names.map((name) => this.#disk.stat(join(this.#folder, name))));
      const newest = Math.max(0, ...times.map((one) => one.modifiedAtMs));
      if (Date.now() - newest > KEPT_MS) await this.#disk.removeFolder(this.#folder);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }

  /** Once a file: the same lines again say nothing new. */
  async #putAside(file: string, lines: readonly Buffer[]): Promise<void> {
    const folder = join(this.#options.folder, QUARANTINE);
    const name = `${this.producerId}-${file}`;
    this.#disk.makeFolderNow(folder);
    if ((await this.#disk.list(folder)).includes(name)) return;
    await this.#disk.write(
      join(folder, name),
      lines.flatMap((line) => [line, Buffer.from('\n')]),
    );
    this.#options.onCorrupt(join(folder, name), lines.length);
  }
}
