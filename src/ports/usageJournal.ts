// The usage journal: what was used, on a disk that outlives the process, until the ledger has it. Each producer writes a journal of
// its own; anybody who finds one may bring it to the ledger, under the journal's id. docs/decisions/usage-journal.md draws it.
import type { UsageIncrements } from '../core/usage/increments.js';

/** The records `from + 1 .. to` of a producer, added up. One turn is one record. */
export interface JournalRecord {
  readonly from: number;
  readonly to: number;
  readonly increments: UsageIncrements;
}

/** A journal as anybody may read it, its owner included. Record numbers are the producer's. */
export interface ReadableJournal {
  /** Whose usage it is. */
  readonly producerId: string;
  /** Records up to this one belong to another id: the journal has moved from it. 0 for nearly all. */
  readonly after: number;
  /** Whole records beyond `after` and up to `upTo`, in order; ends early once they have `mostRows` rows. What is not there is missing. */
  read(after: number, upTo: number, mostRows: number): Promise<readonly JournalRecord[]>;
  /**
   * Says that an attempt may end at `record`, the last that was read: must come before the attempt's first statement. False where the owner merges or has
   * merged around it, or the journal belongs to another id by now: then what was read is to be read again.
   */
  mark(record: number): Promise<boolean>;
}

/** A journal in its owner's hands. The first three act within the turn, by one system call each, and never throw. */
export interface OwnJournal extends ReadableJournal {
  /** Writes a record. False where the disk did not take it whole: then nothing of it is there. */
  append(record: JournalRecord): boolean;
  /** The next record begins a new file. */
  seal(): void;
  /** Bytes of the open file. */
  readonly openBytes: number;
  /** Resolves when what was appended is on the disk itself. Costs nothing where nothing was. Never rejects. */
  sync(): Promise<void>;
  /**
   * Replaces the files of the records `from + 1 .. to` by these, which are sums of them in ranges of the same ends. False where
   * nothing changed: an attempt may have ended inside, or the disk refused.
   */
  merge(from: number, to: number, records: readonly JournalRecord[]): Promise<boolean>;
  /** Everything up to `record` is in the ledger: drops what has been for longer than is kept. Never rejects. */
  applied(record: number): Promise<void>;
  /**
   * The records beyond `after` belong to another id from now on. False where the disk refused, or an attempt beyond it was marked;
   * `evenIfTried`: where no such attempt can land any more.
   */
  moveTo(producerId: string, after: number, evenIfTried: boolean): Promise<boolean>;
  /** Ends it; the files stay. */
  close(): Promise<void>;
}

/** A journal that somebody else wrote or writes. */
export interface FoundJournal extends ReadableJournal {
  /** undefined: it cannot be read by this version, for the reason in `trouble`. */
  readonly ledgerId: string | undefined;
  readonly trouble: string | undefined;
  /** Whether its owner lives, as far as this machine can tell; undefined where it cannot. */
  isAlive(): Promise<boolean | undefined>;
  /** Everything in it is in the ledger: removes it once nothing was written for as long as applied records are kept. */
  finished(): Promise<void>;
}

/** All journals of a folder. */
export interface UsageJournal {
  /**
   * Begins this process's journal. undefined where the disk refuses.
   * @param after records up to this one are not in it
   */
  begin(header: {
    readonly producerId: string;
    readonly ledgerId: string;
    readonly after: number;
  }): OwnJournal | undefined;
  /** The id of the ledger that this installation had last, for a start while it is down. */
  lastLedgerId(): string | undefined;
  /** Keeps that id. */
  rememberLedgerId(ledgerId: string): Promise<void>;
  /** The journals of others, in no order. */
  others(): Promise<readonly FoundJournal[]>;
  /** Files of records that were damaged and put aside. */
  damagedFiles(): Promise<readonly string[]>;
}
