// Where connections come from: a pool of our own, or whatever the app has, as long as it looks like one of `pg`.
import type { Duplex } from 'node:stream';
import pg from 'pg';

/** One connection, held until it is released. `pg.PoolClient` is one. */
export interface PostgresClient {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  /** A connection that breaks while it is held says so by an event, which would end the process if nobody listened. */
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  /** With an error or `true` the connection is thrown away instead of reused. */
  release(error?: Error | boolean): void;
}

/**
 * Hands out connections. `pg.Pool` is one; so is the pool over the embedded database. Nothing of a connection's state is
 * relied on or left behind (no named statement, no SET, no LISTEN, no session lock), so PgBouncer may stand in between.
 * Type parsers do not matter: statements cast what they return.
 */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
}

/** A pool that Tallygate made and has to end. */
export interface OwnedPostgresPool extends PostgresPool {
  end(): Promise<void>;
}

/** How to make a pool. */
export interface PostgresPoolOptions {
  /** For the driver, without `?schema=`. */
  readonly url: string;
  /** Most connections. @defaultValue 10 */
  readonly max?: number;
}

const DEFAULT_MAX_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 30_000;

/**
 * Makes a pool; connects on first use. Deadlines are ours (session.ts): `statement_timeout`, `lock_timeout` and `options` as
 * connection parameters would make PgBouncer refuse the connection.
 */
export function createPostgresPool({ url, max = DEFAULT_MAX_CONNECTIONS }: PostgresPoolOptions): OwnedPostgresPool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'tallygate',
    // The ready-made pair holds no process open; a server is held open by its listening socket.
    allowExitOnIdle: true,
  });
  // An idle connection that breaks is dropped by the pool. Without a listener its error would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', listenAlways);
  return pool;
}

/** How to reach a database that is no server: by a stream of the caller's that speaks PostgreSQL's protocol. */
export interface StreamPoolOptions {
  readonly stream: () => Duplex;
  readonly max: number;
  readonly idleTimeoutMillis: number;
  readonly connectionTimeoutMillis: number;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly ssl: false;
}

/** Makes a pool over the embedded database. Its one connection is one session: the pool is the queue before it. */
export function createStreamPool(options: StreamPoolOptions): OwnedPostgresPool {
  const pool = new pg.Pool({ ...options, allowExitOnIdle: true });
  pool.on('error', () => undefined);
  pool.on('connect', listenAlways);
  return pool;
}

/**
 * The pool listens while a connection is idle, and a session while it has one. A server that dies can say so in the very bytes that
 * end the handshake, in between: without a listener that would be an uncaught exception.
 */
function listenAlways(client: pg.PoolClient): void {
  client.on('error', () => undefined);
}
