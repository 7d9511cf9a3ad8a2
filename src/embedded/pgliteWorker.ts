// PGlite on a thread of its own, so that a long statement does not stop the event loop. One exchange of PostgreSQL's wire
// protocol at a time goes in, its bytes come back. PGlite's types stay out of here: its declarations need what users do not have.
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { TallygateError } from '../core/errors.js';

/** A running embedded database. */
export interface PgliteWorker {
  /** Runs one or more whole messages, after all earlier ones. Rejects with `ledger_unavailable` once the thread has ended. */
  exchange(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
  /** Keeps the process alive, until as many `unref` as `ref`. An exchange under way does so by itself. */
  ref(): void;
  unref(): void;
  /** Whether the thread has ended, of itself or by `close`. */
  readonly ended: boolean;
  /** Finishes what was sent, then a clean shutdown; cut short after {@link CLOSE_MS}. */
  close(): Promise<void>;
}

/** Where PGlite is, for code that runs as text in another thread or process. */
export const PGLITE_PATH = createRequire(__filename).resolve('@electric-sql/pglite');

/** Memory and disk for one connection of one process; PGlite's own are for a server. */
const SETTINGS = ['shared_buffers=16MB', 'max_wal_size=64MB', 'min_wal_size=32MB'];

const OPEN_MS = 60_000;
const CLOSE_MS = 10_000;
// A trap in the wasm code can leave PGlite in an endless loop; nothing that we send takes that long.
const EXCHANGE_MS = 10 * 60_000;

/**
 * PGlite is a single backend: nobody checkpoints or vacuums unless we do, and its write-ahead log, and with it the start after a
 * crash, would grow for ever. The thread looks at it after so many exchanges or bytes, between transactions.
 */
const MAINTENANCE = {
  everyExchanges: 200,
  everyBytes: 4 * 1024 * 1024,
  mostWalBytes: 24 * 1024 * 1024,
  vacuumEveryMs: 24 * 3_600_000,
};

// Text, because Node 20 cannot load a .ts file as a worker and the built code lies elsewhere: it runs in both.
const SOURCE = `
const { parentPort, workerData } = require('node:worker_threads');
const { statSync, writeFileSync } = require('node:fs');
const { PGlite } = require(workerData.pglite);
const { folder, settings, maintenance, maintainedFile } = workerData;

function query(text) {
  const body = Buffer.from(text + '\\0');
  const head = Buffer.alloc(5);
  head.write('Q');
  head.writeInt32BE(body.length + 4, 1);
  return new Uint8Array(Buffer.concat([head, body]));
}

// The last message of a finished exchange is ReadyForQuery: I between transactions, T in one, E in a failed one.
function transactionState(reply) {
  const end = reply.length;
  const isReady = end >= 6 && reply[end - 6] === 0x5a && reply[end - 5] === 0 && reply[end - 4] === 0 && reply[end - 3] === 0 && reply[end - 2] === 5;
  return isReady ? String.fromCharCode(reply[end - 1]) : undefined;
}

// The last DataRow's only column, a number as text.
function numberIn(reply) {
  for (let at = 0; at + 5 <= reply.length; at += 1 + Buffer.from(reply.buffer, reply.byteOffset + at + 1, 4).readInt32BE(0)) {
    if (reply[at] === 0x44) return Number(Buffer.from(reply.buffer, reply.byteOffset + at + 11, Buffer.from(reply.buffer, reply.byteOffset + at + 7, 4).readInt32BE(0)).toString());
  }
  return 0;
}

let exchanges = 0;
let bytes = 0;
let vacuumedAt = maintainedFile === undefined ? Date.now() : (statSync(maintainedFile, { throwIfNoEntry: false })?.mtimeMs ?? 0);
async function maintain(db) {
  exchanges = 0;
  bytes = 0;
  const wal = numberIn(await db.execProtocolRaw(query('select pg_wal_lsn_diff(pg_current_wal_lsn(), redo_lsn)::int8 from pg_control_checkpoint()')));
  if (wal > maintenance.mostWalBytes) await db.execProtocolRaw(query('checkpoint'));
  if (Math.abs(Date.now() - vacuumedAt) < maintenance.vacuumEveryMs) return;
  vacuumedAt = Date.now();
  await db.execProtocolRaw(query('vacuum (analyze)'));
  if (maintainedFile !== undefined) writeFileSync(maintainedFile, '');
}

async function exchange(db, { id, message }) {
  const reply = await db.execProtocolRaw(message);
  const state = transactionState(reply);
  const last = message[message.length - 5];
  // Every Sync and Query is answered by ReadyForQuery. Where it is missing, the wasm code broke off: what follows cannot be trusted.
  if (state === undefined && (message[0] === 0x51 || last === 0x53)) throw new Error('the embedded database broke off in a statement');
  exchanges += 1;
  bytes += message.length;
  parentPort.postMessage({ id, reply }, [reply.buffer]);
  if (state === 'I' && (exchanges >= maintenance.everyExchanges || bytes >= maintenance.everyBytes)) await maintain(db);
}

async function open() {
  const startParams = [...PGlite.defaultStartParams, ...settings.flatMap((setting) => ['-c', setting])];
  const db = await PGlite.create({ dataDir: folder, startParams });
  let last = Promise.resolve();
  parentPort.on('message', (task) => {
    last = last.then(() => (task === 'close' ? db.close().then(() => process.exit(0)) : exchange(db, task)));
    last.catch((error) => setImmediate(() => { throw error; }));
  });
  parentPort.postMessage('open');
}
open().catch((error) => setImmediate(() => { throw error; }));
`;

interface Pending {
  resolve(reply: Uint8Array): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Opens the database in `folder`, an empty one for `memory://`. The time of `maintainedFile` is that of the last vacuum.
 * The thread holds no process open by itself: see `ref`.
 *
 * @throws TallygateError `ledger_unavailable`
 */
export async function startPgliteWorker(folder: string, maintainedFile: string | undefined): Promise<PgliteWorker> {
  const workerData = { pglite: PGLITE_PATH, folder, settings: SETTINGS, maintenance: MAINTENANCE, maintainedFile };
  const worker = new Worker(SOURCE, { eval: true, workerData, execArgv: [] });
  const pending = new Map<number, Pending>();
  let ended = false;
  let failure: unknown;
  let lastId = 0;
  let holders = 0;
  const ref = () => {
    if (++holders === 1) worker.ref();
  };
  const unref = () => {
    if (--holders === 0) worker.unref();
  };

  const opened = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => void worker.terminate(), OPEN_MS);
    worker.on('message', (message: 'open' | { id: number; reply: Uint8Array }) => {
      if (message !== 'open') {
        settle(message.id, message.reply);
        return;
      }
      clearTimeout(timer);
      worker.unref();
      resolve();
    });
    worker.on('error', (error) => {
      failure = error;
    });
    worker.once('exit', () => {
      clearTimeout(timer);
      ended = true;
      reject(stopped(folder, failure));
      for (const id of [...pending.keys()]) settle(id, undefined);
    });
  });
  const settle = (id: number, reply: Uint8Array | undefined): void => {
    const entry = pending.get(id);
    if (entry === undefined) return;
    pending.delete(id);
    clearTimeout(entry.timer);
    unref();
    if (reply === undefined) entry.reject(stopped(folder, failure));
    else entry.resolve(reply);
  };
  await opened;

  return {
    ref,
    unref,
    get ended() {
      return ended;
    },
    exchange: (message) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(stopped(folder, failure));
        const timer = setTimeout(() => void worker.terminate(), EXCHANGE_MS).unref();
        const id = ++lastId;
        pending.set(id, { resolve, reject, timer });
        ref();
        worker.postMessage({ id, message }, [message.buffer]);
      }),
    close: async () => {
      if (ended) return;
      ref();
      const exit = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      const timer = setTimeout(() => void worker.terminate(), CLOSE_MS);
      worker.postMessage('close');
      await exit;
      clearTimeout(timer);
    },
  };
}

function stopped(folder: string, cause: unknown): TallygateError {
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new TallygateError('ledger_unavailable', `the embedded database in ${folder} stopped${reason}`, { cause });
}
