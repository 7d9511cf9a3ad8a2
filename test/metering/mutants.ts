// Variants of the shipped code that are wrong on purpose, each at a seam: the explorer must notice every one of them.
import { dirname } from 'node:path';
import type { ApplyOutcome, UsageBatch } from '../../src/ports/usageLedger.js';
import { recordFiles } from '../../src/stores/disk/journalFiles.js';
import { makeEmpty } from './memoryDisk.js';
import type { ModelLedger } from './modelLedger.js';
import type { Metered, Mutant, World } from './world.js';

/** The code as it is. */
export const SHIPPED: Mutant = { name: 'nothing changed' };

/** An attempt is marked, on disk and in memory, once the ledger has answered: one whose answer was lost never is. */
function applyThenMark(): Mutant {
  const later = new WeakMap<Metered, string[]>();
  return {
    name: 'apply, then mark the attempt',
    disk: (process) => ({
      touch: (path) => {
        if (path.endsWith('.tried')) later.set(process, [...(later.get(process) ?? []), path]);
        else makeEmpty(process.world.files, path);
        return Promise.resolve();
      },
    }),
    onSent: (process, isAnswered) => {
      const { files } = process.world;
      const marks = isAnswered ? (later.get(process) ?? []) : [];
      for (const path of marks) if (files.folders.has(dirname(path))) makeEmpty(files, path);
      later.delete(process);
      if (!isAnswered) queueMicrotask(() => forgetAttempts(process));
    },
  };
}

function forgetAttempts({ buffer }: Metered): void {
  for (const segment of buffer.sealed) segment.isAttempted = false;
}

/** Files go when their batch is sent, not when it was applied long ago. */
const deleteThenApply: Mutant = {
  name: 'delete, then apply',
  onSend: (world: World, batch: UsageBatch) => {
    const folder = world.files.folders.get(`/journal/${batch.producerId}`);
    const files = recordFiles([...(folder?.keys() ?? [])]);
    for (const [index, file] of files.entries()) {
      if ((file.to ?? files[index + 1]?.from ?? batch.to) <= batch.to) folder?.delete(file.name);
    }
  },
};

/** Whoever comes with a higher number is right, whatever the ledger has in between. */
const batchNumbers: Mutant = {
  name: 'batch numbers with "already applied, skip"',
  apply: (ledger: ModelLedger, batch: UsageBatch): ApplyOutcome => {
    const lastRecord = ledger.producers.get(batch.producerId);
    if (lastRecord === undefined) return { outcome: 'unregistered' };
    if (batch.to > lastRecord) ledger.write(batch);
    return { outcome: 'applied' };
  },
};

const noCompareAndSet: Mutant = {
  name: 'no compare-and-set',
  apply: (ledger, batch) => {
    if (!ledger.producers.has(batch.producerId)) return { outcome: 'unregistered' };
    ledger.write(batch);
    return { outcome: 'applied' };
  },
};

const createsItsProducer: Mutant = {
  name: 'a batch that creates its producer row',
  apply: (ledger, batch) => {
    if (!ledger.producers.has(batch.producerId)) ledger.producers.set(batch.producerId, batch.from);
    return ledger.apply(batch);
  },
};

/** The owner forgets its attempts when they fail, and does not see the marks. */
const mergesAcrossAttempts: Mutant = {
  name: 'segments merged across an attempt of unknown outcome',
  disk: () => ({ isHidden: (name) => name.endsWith('.tried') }),
  onSent: (process) => {
    queueMicrotask(() => forgetAttempts(process));
  },
};

/** What is booked between the seal and the transaction is said to be in it. */
const saidByItsOwnClock: Mutant = {
  name: 'the moment of the transaction in place of that before the seal',
  takenAgoMs: () => 0,
};

/** What a full disk took of a record stays, and the next record is written behind it. */
const keepsTornTails: Mutant = {
  name: 'a torn tail that is not cut before the next append',
  disk: () => ({ keepsTails: true }),
};

export const MUTANTS: readonly Mutant[] = [
  applyThenMark(),
  deleteThenApply,
  batchNumbers,
  noCompareAndSet,
  createsItsProducer,
  mergesAcrossAttempts,
  saidByItsOwnClock,
  keepsTornTails,
];
