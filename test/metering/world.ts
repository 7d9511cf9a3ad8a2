// Processes that meter, over one disk and one ledger in memory. Everything that decides is the shipped code: buffer, producer,
// flusher, sender, merge, replay, and the journal's files. Here are only the waits: whatever takes time waits for the explorer.
import { createHash } from 'node:crypto';
import { TallygateError } from '../../src/core/errors.js';
import { silentObserver } from '../../src/ports/observer.js';
import type { OwnJournal } from '../../src/ports/usageJournal.js';
import type { AgoMs, AllBooked, ApplyOutcome, UsageBatch, UsageGap, UsageLedger } from '../../src/ports/usageLedger.js';
import { isMergeDue } from '../../src/services/metering/backlogMerge.js';
import { replayOthers } from '../../src/services/metering/journalReplay.js';
import { UsageBuffer } from '../../src/services/metering/usageBuffer.js';
import { UsageFlusher } from '../../src/services/metering/usageFlusher.js';
import { UsageProducer } from '../../src/services/metering/usageProducer.js';
import { DiskJournal } from '../../src/stores/disk/diskJournal.js';
import { decodeRecords } from '../../src/stores/disk/recordLine.js';
import { type DiskAccess, MemoryFiles, memoryDisk } from './memoryDisk.js';
import { type Claim, ModelLedger } from './modelLedger.js';

const LEDGER_ID = '00000000-0000-4000-8000-000000000000';
const IDENTITY = { ledgerId: LEDGER_ID, hashKey: Buffer.alloc(32) };
const FOLDER = '/journal';
const ADDRESS = 'here';
const BEGINNING_MS = 1_000_000;
export const MERGE_LIMITS = { leastWeight: 0, portionRows: 2 };
const DAY = '2026-11-24';
const KEYED = { usageDate: DAY, apiCalls: 0, meter: 'tokens', amount: 1, level: undefined };

/** A call that waits for its answer. */
export interface Waiting {
  readonly process: Metered;
  /** Of a call of the ledger: what it asks to write. */
  readonly batch?: UsageBatch;
  readonly touch?: Touch;
  /** Does it, and answers. */
  answer(): void;
  /** Answers that nobody knows. */
  lose(): void;
}

/** What a producer says when it says that it lives. */
export interface Touch {
  readonly producerId: string;
  readonly allBooked: AllBooked | undefined;
}

/** A record that the disk did not take. */
export interface Refused {
  readonly process: Metered;
  readonly record: number;
  readonly bookings: readonly string[];
}

/** Ways in which a variant of the code differs. All left out: the shipped code. */
export interface Mutant {
  readonly name: string;
  /** Takes the place of the ledger's transaction. */
  readonly apply?: (ledger: ModelLedger, batch: UsageBatch) => ApplyOutcome;
  /** Runs when a batch is sent, before anything of it can be written. */
  readonly onSend?: (world: World, batch: UsageBatch) => void;
  /** Runs when a batch was answered, or its answer lost. */
  readonly onSent?: (process: Metered, isAnswered: boolean) => void;
  /** How long ago the ledger takes a moment to be that it is told of. */
  readonly takenAgoMs?: (agoMs: AgoMs) => number;
  readonly disk?: (process: Metered) => Partial<Pick<DiskAccess, 'isHidden' | 'keepsTails' | 'touch'>>;
}

/** See the head of this file. */
export class World {
  readonly files = new MemoryFiles();
  readonly ledger = new ModelLedger();
  readonly mutant: Mutant;
  waiting: Waiting[] = [];
  /** Transactions whose client was told that their outcome is unknown, and that are still to commit. */
  late: UsageBatch[] = [];
  processes: Metered[] = [];
  /** At the end of a schedule nothing waits any more. */
  isDirect = false;
  /** Bookings whose record is on disk: they must be counted once. */
  readonly kept = new Set<string>();
  /** Records that the disk refused: only the memory of their process has them. */
  readonly refused: Refused[] = [];
  readonly gaps: UsageGap[] = [];
  readonly surprises: string[] = [];
  readonly booked = new Set<string>();
  /** What the ledger was told, and the bookings that it did not have then although it was told so. */
  claims = 0;
  readonly falseClaims: string[] = [];
  /** Moves with each step of the explorer, and with each booking: of two of them one comes before the other. */
  nowMs = BEGINNING_MS;
  readonly clock = { wallMs: () => 0, monotonicMs: () => this.nowMs };
  readonly #bookings = new Map<Metered, { readonly name: string; readonly atMs: number }[]>();
  readonly #processOf = new Map<string, Metered>();
  #made = 0;

  constructor(mutant: Mutant) {
    this.mutant = mutant;
    // The ledger is known from before, so that a journal begins with the first turn.
    this.files.make(FOLDER);
    const name = createHash('sha256').update(ADDRESS).digest('hex').slice(0, 16);
    this.files.put(`${FOLDER}/ledger-${name}`, Buffer.from(LEDGER_ID));
  }

  nextId(): string {
    this.#made += 1;
    return `00000000-0000-7000-8000-${String(this.#made).padStart(12, '0')}`;
  }

  /** An error of any other kind would end the process. */
  noteFailure(error: unknown): void {
    if (!(error instanceof TallygateError)) this.surprises.push(String(error));
  }

  /** Somebody made room on the disk. */
  giveSpace(): void {
    this.files.room = Number.POSITIVE_INFINITY;
  }

  start(): Metered {
    const process = new Metered(this);
    this.processes.push(process);
    return process;
  }

  /** Whether all that the id's journal holds is in the ledger. */
  isTold(id: string): boolean {
    const folder = this.files.folders.get(`${FOLDER}/${id}`);
    const records = [...(folder?.values() ?? [])].flatMap((file) => decodeRecords(file.bytes).records);
    return (this.ledger.producers.get(id) ?? 0) >= Math.max(0, ...records.map((record) => record.to));
  }

  apply(batch: UsageBatch): ApplyOutcome {
    const outcome = this.mutant.apply?.(this.ledger, batch) ?? this.ledger.apply(batch);
    if (outcome.outcome === 'applied') this.#claimed(batch.producerId, batch.allBookedAgoMs);
    return outcome;
  }

  touch({ producerId, allBooked }: Touch): number | undefined {
    const lastRecord = this.ledger.touch(producerId);
    if (lastRecord === allBooked?.record) this.#claimed(producerId, allBooked?.agoMs);
    return lastRecord;
  }

  bookedBy(process: Metered, name: string): void {
    this.booked.add(name);
    this.nowMs += 1;
    const bookings = this.#bookings.get(process) ?? [];
    bookings.push({ name, atMs: this.nowMs });
    this.#bookings.set(process, bookings);
  }

  registeredBy(process: Metered, producerId: string): void {
    // A journal of somebody else may be registered again by whoever replays it.
    if (process.producer.id === producerId) this.#processOf.set(producerId, process);
  }

  #claimed(producerId: string, agoMs: AgoMs | undefined): void {
    const process = this.#processOf.get(producerId);
    if (agoMs === undefined || process === undefined) return;
    this.claims += 1;
    const claim: Claim = { producerId, until: this.nowMs - (this.mutant.takenAgoMs?.(agoMs) ?? agoMs()) };
    for (const { name, atMs } of this.#bookings.get(process) ?? []) {
      const isThere = (this.ledger.units.get(name) ?? 0) > 0;
      if (atMs <= claim.until && !isThere) this.falseClaims.push(name);
    }
  }
}

/** One process. */
export class Metered {
  readonly world: World;
  readonly buffer: UsageBuffer;
  readonly flusher: UsageFlusher;
  readonly producer: UsageProducer;
  readonly #journals: DiskJournal;
  readonly #ledger: UsageLedger;
  isDead = false;
  isReplaying = false;
  /** Ends the running turn; undefined where nothing was booked in it. */
  endTurn: (() => void) | undefined;
  #turn: string[] = [];
  readonly #isWatched = new WeakSet<OwnJournal>();

  constructor(world: World) {
    this.world = world;
    const disk = memoryDisk({
      files: world.files,
      isDead: () => this.isDead,
      step: (work) => this.#step(work),
      ...world.mutant.disk?.(this),
    });
    const socket = { show: () => () => {}, isAlive: () => Promise.resolve(false) };
    this.#journals = new DiskJournal({
      ...{ folder: FOLDER, address: ADDRESS, disk, socket, monotonicMs: world.clock.monotonicMs },
      ...{ onRefused: () => {}, onCorrupt: () => {} },
    });
    this.#ledger = this.#ledgerOf(world);
    const holder = { host: 'here', pid: 1 };
    this.producer = new UsageProducer({ ledger: this.#ledger, clock: world.clock, holder, journals: this.#journals });
    this.buffer = new UsageBuffer({
      onSaturated: () => {},
      journal: () => this.#watched(this.producer.writableJournal()),
      atEndOfTurn: (work) => {
        this.endTurn = () => {
          this.endTurn = undefined;
          work();
        };
      },
    });
    this.flusher = new UsageFlusher({
      ...{ ledger: this.#ledger, buffer: this.buffer, producer: this.producer, clock: world.clock },
      ...{ batchSize: 1_000_000, intervalMs: 3_600_000, mergeLimits: MERGE_LIMITS },
      ...{ observer: silentObserver, onApplied: () => {}, onFailure: () => {} },
    });
  }

  /** Takes what the ledger is remembered by, as a start does once it has answered. */
  async begin(): Promise<void> {
    await this.producer.identify(LEDGER_ID);
  }

  book(name: string): void {
    this.world.bookedBy(this, name);
    this.#turn.push(name);
    // What the quota charged, an amount of a meter, and what has a key of its own, in turns: each is one of something.
    const kind = this.world.booked.size % 3;
    if (kind === 0) this.buffer.addMeter(name, DAY, 'tokens', 1);
    else if (kind === 1)
      this.buffer.addCharge({ tenantId: name, usageDate: DAY, meter: '', resetNumber: 0 }, { units: 1 });
    else this.buffer.addKeyed(name, { ...KEYED, key: createHash('sha256').update(name).digest('hex').slice(0, 32) });
  }

  /** Settles when nothing of it is left to do. */
  flush(): Promise<void> {
    // A flush ends the turn by itself: what was booked in it has a record then.
    return this.flusher.flush().catch((error: unknown) => this.world.noteFailure(error));
  }

  tell(): Promise<void> {
    return this.flusher.tell().catch((error: unknown) => this.world.noteFailure(error));
  }

  canMerge(): boolean {
    return isMergeDue(this.buffer, MERGE_LIMITS);
  }

  /** Merges where the ledger did not answer last; otherwise nothing. */
  merge(): void {
    this.flusher.booked();
  }

  replay(): Promise<void> {
    this.isReplaying = true;
    const done = () => {
      this.isReplaying = false;
    };
    const failed = (error: unknown) => {
      done();
      this.world.noteFailure(error);
    };
    const holder = { host: 'here', pid: 1 };
    const parts = {
      mostRows: MERGE_LIMITS.portionRows,
      ledger: this.#ledger,
      journals: this.#journals,
      holder,
      onReplayed: () => {},
      onLeftAlone: () => {},
    };
    return replayOthers(parts).then(done, failed);
  }

  die(): void {
    this.isDead = true;
    this.world.waiting = this.world.waiting.filter((one) => one.process !== this);
    this.world.processes = this.world.processes.filter((one) => one !== this);
  }

  /** Dies in the middle of the write that ends its turn. */
  dieWriting(share: number): void {
    const { files } = this.world;
    const before = new Map(
      [...files.folders].flatMap(([folder, names]) =>
        [...names].map(([name, file]) => [`${folder}/${name}`, file.bytes] as const),
      ),
    );
    const kept = new Set(this.world.kept);
    this.endTurn?.();
    for (const booking of [...this.world.kept]) if (!kept.has(booking)) this.world.kept.delete(booking);
    for (const [folder, names] of files.folders) {
      for (const [name, file] of names) {
        const old = before.get(`${folder}/${name}`)?.length ?? 0;
        if (name.endsWith('.seg') && file.bytes.length > old) {
          file.bytes = file.bytes.subarray(0, old + Math.floor((file.bytes.length - old) * share));
        }
      }
    }
    this.die();
  }

  /** Notes what the disk takes of each record, by what the journal says of it. */
  #watched(own: OwnJournal | undefined): OwnJournal | undefined {
    if (own === undefined) this.#noteTurn(false, this.buffer.lastRecord + 1);
    if (own === undefined || this.#isWatched.has(own)) return own;
    this.#isWatched.add(own);
    const append = own.append.bind(own);
    own.append = (record) => {
      const isTaken = append(record);
      this.#noteTurn(isTaken, record.to);
      return isTaken;
    };
    return own;
  }

  #noteTurn(isTaken: boolean, record: number): void {
    const bookings = this.#turn;
    this.#turn = [];
    if (isTaken) for (const booking of bookings) this.world.kept.add(booking);
    else if (bookings.length > 0) this.world.refused.push({ process: this, record, bookings });
  }

  #step<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.isDead) return;
      const answer = () => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      };
      if (this.world.isDirect) return answer();
      this.world.waiting.push({ process: this, answer, lose: answer });
    });
  }

  #ledgerOf(world: World): UsageLedger {
    const unused = () => Promise.reject(new Error('not part of this test'));
    return {
      identity: () => Promise.resolve(IDENTITY),
      newProducerId: () => Promise.resolve(world.nextId()),
      registerProducer: (id) => {
        world.registeredBy(this, id);
        return Promise.resolve(world.ledger.register(id));
      },
      touchProducer: (producerId, _, allBooked) => this.#touch({ producerId, allBooked }),
      otherLiveProducers: () => Promise.resolve([]),
      apply: (batch) => this.#apply(batch),
      recordGap: (gap) => {
        world.gaps.push(gap);
        return Promise.resolve();
      },
      ...{ replayPosition: unused, applyReplay: unused, readUsage: unused, sumCharges: unused },
    };
  }

  #touch(touch: Touch): Promise<number | undefined> {
    const { world } = this;
    return new Promise((resolve, reject) => {
      if (this.isDead) return;
      const answer = () => resolve(world.touch(touch));
      const lose = () => reject(new TallygateError('ledger_unavailable', 'nobody knows'));
      if (world.isDirect) return answer();
      world.waiting.push({ process: this, touch, answer, lose });
    });
  }

  #apply(batch: UsageBatch): Promise<ApplyOutcome> {
    const { world } = this;
    return new Promise((resolve, reject) => {
      if (this.isDead) return;
      world.mutant.onSend?.(world, batch);
      const answer = () => {
        const outcome = world.apply(batch);
        world.mutant.onSent?.(this, true);
        resolve(outcome);
      };
      const lose = () => {
        world.mutant.onSent?.(this, false);
        reject(new TallygateError('ledger_unavailable', 'nobody knows'));
      };
      if (world.isDirect) return answer();
      world.waiting.push({ process: this, batch, answer, lose });
    });
  }
}
