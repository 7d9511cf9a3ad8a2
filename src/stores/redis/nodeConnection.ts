// One connection to one Redis that is always either ready or on its way back, and never sends anything twice.
//
// States: `idle` (nothing was asked yet; no client, no timer) -> `connecting` (a client, a timer that ends the attempt) ->
// `ready` (a client, no timer) -> `waiting` (no client, a timer until the next attempt) -> `connecting`; from any: `closed`
// (no client, no timer). Only #enter changes the state. A client serves one connection and is thrown away with it.
import { TallygateError } from '../../core/errors.js';
import { type Awaited, awaited } from './awaited.js';
import { isNoMaster, reasonOf, unavailable } from './redisErrors.js';
import {
  CONNECT_TIMEOUT_MS,
  MAX_IN_FLIGHT,
  type NodeSession,
  type NodeSource,
  type RedisConnection,
  type RedisConnectionOptions,
} from './redisSession.js';

/** Longest wait for commands in flight at the end. */
const CLOSE_WAIT_MS = 1_000;
const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 2_000;

/** How a connection that is one of several differs. */
export interface NodeConnectionOptions extends RedisConnectionOptions {
  /** Called when `generation` has grown. Must not throw. */
  readonly onChange?: () => void;
}

type State = 'idle' | 'connecting' | 'ready' | 'waiting' | 'closed';

/** A client and what was sent through it. */
interface Session {
  client: NodeSession | undefined;
  inFlight: number;
  /** Monotonic: the last reply, or the first command after an idle time. */
  progressAtMs: number;
  onIdle: (() => void) | undefined;
}

/** See the head of this file. It holds no process open by itself, and is made on the first `ready()` or `send()`. */
export class NodeConnection implements RedisConnection {
  readonly #source: NodeSource;
  readonly #options: Required<NodeConnectionOptions>;
  #state: State = 'idle';
  #session: Session | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #generation = 0;
  /** Shared by all who wait for `ready`. */
  #awaited: Awaited | undefined;
  /** Shared by all who wait for `attempted`. */
  #attempt: Awaited | undefined;

  constructor(source: NodeSource, options: NodeConnectionOptions = {}) {
    this.#source = source;
    this.#options = {
      onConnectionError: options.onConnectionError ?? (() => undefined),
      onChange: options.onChange ?? (() => undefined),
      connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      stalledMs: options.stalledMs ?? 5_000,
    };
  }

  get generation(): number {
    return this.#generation;
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  send(command: (session: NodeSession) => Promise<unknown>): Promise<unknown> {
    if (this.#state === 'idle') this.#connect();
    const session = this.#session;
    const client = session?.client;
    if (this.#state !== 'ready' || session === undefined || client === undefined || !client.isReady)
      return this.#notSent(this.#state === 'closed' ? 'is closed' : 'is not connected');
    const now = performance.now();
    if (session.inFlight === 0) session.progressAtMs = now;
    else if (now - session.progressAtMs > this.#options.stalledMs) {
      this.#lose(session, new Error(`no reply for ${this.#options.stalledMs} ms`));
      return this.#notSent('does not answer');
    }
    if (session.inFlight >= MAX_IN_FLIGHT) return this.#notSent(`has ${MAX_IN_FLIGHT} commands to answer`);
    session.inFlight += 1;
    return command(client).then(
      (reply) => {
        settle(session);
        this.#failures = 0;
        return reply;
      },
      (error) => {
        settle(session);
        // What was a master now refuses to write: whoever is asked for the address next may know the new one.
        if (isNoMaster(error)) this.#lose(session, error);
        throw error;
      },
    );
  }

  ready(): Promise<void> {
    if (this.#state === 'ready') return Promise.resolve();
    if (this.#state === 'closed') return Promise.reject(this.#closedError());
    if (this.#state === 'idle') this.#connect();
    this.#awaited ??= awaited();
    // Whoever waits for this holds the process open, or a script would end in the middle of its first line.
    this.#timer?.ref();
    return this.#awaited.promise;
  }

  /** Resolves when the connection is ready, or its present or next attempt has failed, or it is closed. */
  attempted(): Promise<void> {
    if (this.#state === 'ready' || this.#state === 'closed') return Promise.resolve();
    if (this.#state === 'idle') this.#connect();
    this.#attempt ??= awaited();
    return this.#attempt.promise;
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    const session = this.#session;
    this.#enter('closed', undefined);
    this.#awaited?.reject(this.#closedError());
    this.#awaited = undefined;
    this.#endAttempt();
    if (session !== undefined && session.inFlight > 0) await idleWithin(session, CLOSE_WAIT_MS);
    session?.client?.destroy();
  }

  #connect(): void {
    const session: Session = { client: undefined, inFlight: 0, progressAtMs: 0, onIdle: undefined };
    // The client's own limit ends with TCP's connect: a server that accepts and then says nothing would be waited for for ever.
    const { connectTimeoutMs } = this.#options;
    this.#enter('connecting', session, connectTimeoutMs, () =>
      this.#lose(session, new Error(`no answer within ${connectTimeoutMs} ms`)),
    );
    this.#open(session).then(
      () => this.#opened(session),
      (error) => this.#lose(session, error),
    );
  }

  async #open(session: Session): Promise<void> {
    const client = await this.#source.make();
    session.client = client;
    client.onLost((error) => this.#lose(session, error));
    client.unref();
    await client.connect();
    // A server that still loads its data accepts connections, and refuses this.
    await client.ping();
  }

  #opened(session: Session): void {
    if (this.#session !== session || this.#state !== 'connecting') {
      session.client?.destroy();
      return;
    }
    this.#enter('ready', session);
    this.#grow();
    this.#awaited?.resolve();
    this.#awaited = undefined;
    this.#endAttempt();
  }

  /** The attempt failed, the connection broke, or its stream made no sense: this client is done with. */
  #lose(session: Session, cause: unknown): void {
    const current = this.#session === session;
    // Left first: destroying rejects what is in flight, and tells of an error once more.
    if (current) this.#wait();
    // Also for an attempt that was given up before: its socket may have opened since.
    session.client?.destroy();
    if (!current) return;
    const message = `Redis at ${this.#source.server}: ${reasonOf(cause)}; trying again`;
    this.#options.onConnectionError(unavailable(message, cause));
  }

  #wait(): void {
    const wasReady = this.#state === 'ready';
    const most = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    // Half of it is random: a fleet that lost its server together does not come back together.
    this.#enter('waiting', undefined, most * (0.5 + Math.random() / 2), () => this.#connect());
    this.#endAttempt();
    // A failed attempt says nothing new: since the loss nothing was sent.
    if (wasReady) this.#grow();
  }

  #grow(): void {
    this.#generation += 1;
    this.#options.onChange();
  }

  #endAttempt(): void {
    this.#attempt?.resolve();
    this.#attempt = undefined;
  }

  /** The one place where the state changes, so that no timer of an earlier state is left. */
  #enter(state: State, session: Session | undefined, afterMs?: number, then?: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = then === undefined ? undefined : setTimeout(then, afterMs);
    if (this.#awaited === undefined) this.#timer?.unref();
    this.#state = state;
    this.#session = session;
  }

  /** Grows the generation without a change to tell of: whoever counts failures sees that it is not about one key. */
  #notSent(why: string): Promise<never> {
    this.#generation += 1;
    return Promise.reject(unavailable(`Redis at ${this.#source.server} ${why}`, undefined));
  }

  #closedError(): TallygateError {
    return new TallygateError('closed', `The connection to Redis at ${this.#source.server} is closed`);
  }
}

function settle(session: Session): void {
  session.inFlight -= 1;
  session.progressAtMs = performance.now();
  if (session.inFlight === 0) session.onIdle?.();
}

function idleWithin(session: Session, waitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, waitMs);
    session.onIdle = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
