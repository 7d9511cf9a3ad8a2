// What `pg` takes for its socket: a stream that ends in the embedded database. No port is opened.
import { Duplex } from 'node:stream';
import { TallygateError } from '../core/errors.js';
import type { PgliteWorker } from './pgliteWorker.js';
import { ExchangeReader, forgetEverything, WELCOME } from './wireMessages.js';

/** There is one session. Whoever has its turn is its only client until `release`. */
export interface SessionTurn {
  readonly worker: PgliteWorker;
  release(): void;
}

/**
 * Each instance is one connection. `connect` waits for the session's turn, so two clients never share a transaction; the pool's
 * `connectionTimeoutMillis` bounds that wait, by destroying the stream.
 */
export class PgliteStream extends Duplex {
  readonly #takeTurn: () => Promise<SessionTurn>;
  readonly #reader = new ExchangeReader();
  #turn: SessionTurn | undefined;
  // As a socket: it holds the process open unless told otherwise. The pool says so of idle clients (`allowExitOnIdle`).
  #holdsOpen = true;

  constructor(takeTurn: () => Promise<SessionTurn>) {
    super();
    this.#takeTurn = takeTurn;
  }

  /** As of a socket: emits `connect`, or `error`. Port and host mean nothing here. */
  connect(): this {
    this.#begin().catch((error: unknown) => this.destroy(asError(error)));
    return this;
  }

  async #begin(): Promise<void> {
    const turn = await this.#takeTurn();
    if (this.destroyed) {
      turn.release(); // it waited too long
      return;
    }
    this.#turn = turn;
    if (this.#holdsOpen) turn.worker.ref();
    await turn.worker.exchange(forgetEverything());
    this.emit('connect');
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const { hello, exchange } = this.#reader.read(chunk);
    if (hello) this.push(WELCOME);
    if (exchange === undefined) done();
    else this.#answer(exchange).then(done, (error: unknown) => done(asError(error)));
  }

  async #answer(exchange: Uint8Array<ArrayBuffer>): Promise<undefined> {
    if (this.#turn === undefined)
      throw new TallygateError('ledger_unavailable', 'the embedded database is not connected');
    const reply = await this.#turn.worker.exchange(exchange);
    if (!this.destroyed) this.push(Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength));
    return undefined;
  }

  override _read(): void {
    // Replies are pushed as they come: each was bounded by the statement that asked for it.
  }

  override _final(done: () => void): void {
    this.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const turn = this.#turn;
    this.#turn = undefined;
    if (this.#holdsOpen) turn?.worker.unref();
    turn?.release();
    done(error);
  }

  ref(): this {
    if (!this.#holdsOpen) this.#turn?.worker.ref();
    this.#holdsOpen = true;
    return this;
  }

  unref(): this {
    if (this.#holdsOpen) this.#turn?.worker.unref();
    this.#holdsOpen = false;
    return this;
  }

  /** `pg` sets both on every socket; there is none. */
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
