// One connection for one piece of work, with a deadline of ours over everything: waiting for the connection, the statements,
// the locks behind them. A connection whose state is in doubt is thrown away, never reused.
import { TallygateError } from '../../core/errors.js';
import type { Row } from './columns.js';
import { postgresFault, sqlStateOf } from './postgresFault.js';
import type { PostgresClient, PostgresPool } from './postgresPool.js';

/** What statements are sent through. Rejects with errors of ours only. */
export interface Session {
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
}

const ROLLBACK_DEADLINE_MS = 2_000;
const LATE = new Error('no answer before the deadline');

/**
 * Runs `work` on a connection of its own. After `deadlineMs` it rejects with `ledger_unavailable`, and the connection is cut,
 * so that the server rolls back what was open. What `work` itself throws is thrown on. For reads: what writes goes through
 * `inTransaction`, because the database's default may be another isolation, and then one of two writers would be refused.
 */
export function inSession<T>(
  pool: PostgresPool,
  deadlineMs: number,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return withConnection(pool, deadlineMs, work);
}

async function withConnection<T>(
  pool: PostgresPool,
  deadlineMs: number,
  work: (session: ClientSession) => Promise<T>,
): Promise<T> {
  const client = await connect(pool, deadlineMs);
  const session = new ClientSession(client);
  // The pool listens only while a connection is idle. What a broken one was asked is rejected as well: nothing to say twice.
  const onError = (error: Error) => session.breakOff(error);
  client.on('error', onError);
  try {
    return await before(deadlineMs, work(session), () => session.breakOff(LATE));
  } finally {
    client.release(session.broken);
    client.removeListener('error', onError);
  }
}

/**
 * Runs `work` in a READ COMMITTED transaction, committed when it returns and rolled back when it throws. The server's own
 * timeouts are set inside it, so that a process that stops in the middle holds nobody's row for longer than the deadline.
 * Compiling a batch's statement takes the server longer than running it: a third of a batch of 50,000 users.
 */
export function inTransaction<T>(
  pool: PostgresPool,
  deadlineMs: number,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return transaction('READ COMMITTED', pool, deadlineMs, work);
}

/** `inTransaction` for reads that have to see one and the same state. */
export function inSnapshot<T>(
  pool: PostgresPool,
  deadlineMs: number,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return transaction('REPEATABLE READ READ ONLY', pool, deadlineMs, work);
}

function transaction<T>(
  mode: 'READ COMMITTED' | 'REPEATABLE READ READ ONLY',
  pool: PostgresPool,
  deadlineMs: number,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return withConnection(pool, deadlineMs, async (session) => {
    await session.query(
      `BEGIN ISOLATION LEVEL ${mode}; SET LOCAL statement_timeout = ${deadlineMs};
       SET LOCAL idle_in_transaction_session_timeout = ${deadlineMs}; SET LOCAL jit = off`,
    );
    const result = await work(session).catch(async (error: unknown) => {
      await rollBack(session);
      throw error;
    });
    await session.query('COMMIT');
    return result;
  });
}

async function rollBack(session: ClientSession): Promise<void> {
  try {
    await before(ROLLBACK_DEADLINE_MS, session.query('ROLLBACK'), () => session.breakOff(LATE));
  } catch (error) {
    // The session is marked broken, its connection will be cut, and with it the transaction: the first error is the one to tell.
    if (!(error instanceof TallygateError)) throw error;
  }
}

class ClientSession implements Session {
  /** Set once the connection's state is unknown: no answer came, or the server ended it. */
  broken: Error | undefined;
  readonly #client: PostgresClient;

  constructor(client: PostgresClient) {
    this.#client = client;
  }

  async query(text: string, values?: readonly unknown[]): Promise<readonly Row[]> {
    if (this.broken !== undefined) throw postgresFault(this.broken);
    try {
      // Without values the driver sends a simple query, which alone may hold several statements.
      const { rows } = await (values === undefined ? this.#client.query(text) : this.#client.query(text, [...values]));
      return rows as readonly Row[];
    } catch (error) {
      if (sqlStateOf(error) === undefined) this.broken = error instanceof Error ? error : new Error(String(error));
      throw postgresFault(error);
    }
  }

  breakOff(reason: Error): void {
    this.broken ??= reason;
  }
}

async function connect(pool: PostgresPool, deadlineMs: number): Promise<PostgresClient> {
  const connecting = pool.connect();
  try {
    return await before(deadlineMs, connecting, () => {
      // A connection that comes too late goes back unused.
      connecting.then(
        (late) => late.release(),
        () => undefined,
      );
    });
  } catch (error) {
    throw postgresFault(error);
  }
}

/** `promise`, or a rejection once `deadlineMs` are over; then `onLate` runs, and what the promise does later is ignored. */
function before<T>(deadlineMs: number, promise: Promise<T>, onLate: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      onLate();
      reject(new TallygateError('ledger_unavailable', `PostgreSQL did not answer within ${deadlineMs} ms`));
    }, deadlineMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
