// Where the ledger and the settings are kept: a PostgreSQL server, an app's own pool, or the embedded database in a folder.
// All three come out as connections that are made on first use, so that everything above them is built without I/O.
import type { DatabaseAddress } from '../config.js';
import { TallygateError } from '../core/errors.js';
import { type DatabaseLock, lockDatabase } from '../embedded/databaseLock.js';
import { makeDataFolder } from '../embedded/dataFolder.js';
import { type EmbeddedPostgres, openEmbeddedPostgres } from '../embedded/embeddedPostgres.js';
import {
  createPostgresPool,
  createStreamPool,
  type OwnedPostgresPool,
  type PostgresPool,
} from '../stores/postgres/postgresPool.js';

/** Which database. */
export type DatabaseChoice =
  | { readonly kind: 'address'; readonly address: DatabaseAddress }
  | { readonly kind: 'pool'; readonly pool: PostgresPool; readonly schema: string }
  | { readonly kind: 'embedded'; readonly folder: string; readonly schema: string };

/** Connections to it. */
export interface DatabaseConnections {
  readonly pool: PostgresPool;
  /** For the poll of the settings: it must not wait behind a flush. The same pool where there is one session anyway. */
  readonly pollPool: PostgresPool;
  readonly schema: string;
  /**
   * Takes the folder of an embedded database, before anything is opened; nothing to do for the others.
   * @throws TallygateError `folder_locked` with the holder's process id, `invalid_configuration` where the folder cannot be used
   */
  claim(): void;
  /** Opens an embedded database, which takes seconds the first time; nothing to do for the others. */
  open(): Promise<void>;
  /** Ends what was opened here; an app's own pool stays. */
  close(): Promise<void>;
}

export function connectTo(choice: DatabaseChoice): DatabaseConnections {
  if (choice.kind === 'address') return connectToServer(choice.address);
  if (choice.kind === 'embedded') return connectToFolder(choice.folder, choice.schema);
  const { pool, schema } = choice;
  return { pool, pollPool: pool, schema, claim: nothing, open: nothingToWaitFor, close: nothingToWaitFor };
}

const nothing = (): void => {};
const nothingToWaitFor = (): Promise<void> => Promise.resolve();

function connectToServer({ url, schema }: DatabaseAddress): DatabaseConnections {
  const pool = createPostgresPool({ url });
  const pollPool = createPostgresPool({ url, max: 1 });
  const close = async () => void (await Promise.all([pool.end(), pollPool.end()]));
  return { pool, pollPool, schema, claim: nothing, open: nothingToWaitFor, close };
}

function connectToFolder(folder: string, schema: string): DatabaseConnections {
  let lock: DatabaseLock | undefined;
  let opened: Promise<{ readonly database: EmbeddedPostgres; readonly pool: OwnedPostgresPool }> | undefined;
  let closed = false;

  function claim(): void {
    if (lock !== undefined) return;
    makeDataFolder(folder);
    lock = lockDatabase(folder);
  }

  async function openFolder() {
    claim();
    const database = await openEmbeddedPostgres(lock as DatabaseLock);
    return { database, pool: createStreamPool(database.poolOptions) };
  }

  function openOnce() {
    if (closed) throw new TallygateError('closed', `The database in ${folder} is closed.`);
    // A failed opening is forgotten: the next use tries again.
    opened ??= openFolder().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  }

  const connect = async () => (await openOnce()).pool.connect();
  const open = async () => void (await openOnce());

  async function close(): Promise<void> {
    closed = true;
    const present = await opened?.catch(() => undefined);
    await present?.pool.end();
    // Closing the database releases the lock; where nothing was opened the lock alone is there to release.
    if (present === undefined) lock?.release();
    else await present.database.close();
  }

  return { pool: { connect }, pollPool: { connect }, schema, claim, open, close };
}
