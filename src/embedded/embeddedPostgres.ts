// The embedded database as something that `pg` can connect to: the same driver, types and errors as on a server.
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { TallygateError } from '../core/errors.js';
import type { DatabaseLock } from './databaseLock.js';
import { initialiseDatabase } from './initialiseDatabase.js';
import { PgliteStream, type SessionTurn } from './pgliteStream.js';
import { type PgliteWorker, startPgliteWorker } from './pgliteWorker.js';

/** An open embedded database. */
export interface EmbeddedPostgres {
  /**
   * For `new pg.Pool({ ...poolOptions, types })`. There is one connection: whoever holds a client and asks the pool for another
   * waits for himself, and gets an error after `connectionTimeoutMillis`.
   */
  readonly poolOptions: EmbeddedPoolOptions;
  /** Ends what runs, shuts the database down and releases its lock. End the pool first. Again: waits for the same end. */
  close(): Promise<void>;
}

/** Options of `pg.Pool` that reach the embedded database. Environment variables of libpq have no say. */
export interface EmbeddedPoolOptions {
  readonly stream: () => Duplex;
  readonly max: 1;
  readonly idleTimeoutMillis: 0;
  readonly connectionTimeoutMillis: number;
  /** An idle connection holds no process open; one in use does. */
  readonly allowExitOnIdle: true;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly ssl: false;
}

/** Longest wait for the one connection. */
const QUEUE_DEADLINE_MS = 5_000;
const VACUUMED = 'postgres.vacuumed';

/**
 * Opens the database of a locked folder, and makes it on first use (some 3 s; later 0.3 s). It reopens by itself, on the next
 * connection, should its thread end.
 *
 * @throws TallygateError `ledger_unavailable`; the lock is then still the caller's.
 */
export async function openEmbeddedPostgres(lock: DatabaseLock): Promise<EmbeddedPostgres> {
  await initialiseDatabase(lock.databaseFolder);
  const vacuumed = join(dirname(lock.databaseFolder), VACUUMED);
  return open(
    () => startPgliteWorker(lock.databaseFolder, vacuumed),
    () => lock.release(),
  );
}

/** An empty database in memory, for tests: nothing on disk, nothing to lock, gone with `close`. Takes as long as a first start. */
export function openInMemoryPostgres(): Promise<EmbeddedPostgres> {
  return open(
    () => startPgliteWorker('memory://', undefined),
    () => undefined,
  );
}

async function open(start: () => Promise<PgliteWorker>, release: () => void): Promise<EmbeddedPostgres> {
  let current = start();
  await current;
  let closing: Promise<void> | undefined;
  // The turns of the session's clients, one after the other: the end of the last turn that was asked for.
  let lastTurn: Promise<void> = Promise.resolve();

  // A thread that ended is followed by a new one; where that one does not start either, the next client tries again.
  async function running(): Promise<PgliteWorker> {
    if (closing !== undefined) throw new TallygateError('closed', 'the embedded database is closed');
    const ended = await current.then(
      (worker) => worker.ended,
      () => true,
    );
    if (ended) current = start();
    return current;
  }

  async function takeTurn(): Promise<SessionTurn> {
    const before = lastTurn;
    let end: () => void = () => undefined;
    lastTurn = new Promise((resolve) => {
      end = resolve;
    });
    try {
      await before;
      const worker = await running();
      return { worker, release: end };
    } catch (error) {
      end();
      throw error;
    }
  }

  return {
    poolOptions: {
      stream: () => new PgliteStream(takeTurn),
      max: 1,
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: QUEUE_DEADLINE_MS,
      allowExitOnIdle: true,
      ...{ host: 'embedded', port: 5432, user: 'postgres', password: '', database: 'postgres', ssl: false },
    },
    close: () => {
      closing ??= current
        .then(
          (worker) => worker.close(),
          () => undefined,
        )
        .finally(release);
      return closing;
    },
  };
}
