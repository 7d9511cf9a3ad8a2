// A Redis Cluster as one connection: a connection a master, and the table of who serves which slot. The engine distributes and
// fails over; here is only looked up whom to ask. The client library finds the table out and makes the connections
// (`ClusterSource`); why its own routing is not used stands in docs/decisions/our-own-reconnect.md.
//
// States: `idle` (nothing was asked yet) -> `open` -> `closed`. While open the table is read anew when a server says that it is
// wrong, when a connection was lost, and once a second as long as a master cannot be reached: its replica may have taken over.
import { hasCode, TallygateError } from '../../core/errors.js';
import { type Awaited, awaited } from './awaited.js';
import { keySlot, SLOTS } from './keySlot.js';
import { NodeConnection } from './nodeConnection.js';
import { type Redirect, reasonOf, redirectOf, replyCode, unavailable } from './redisErrors.js';
import type {
  ClusterSource,
  ClusterTopology,
  NodeSession,
  RedisConnection,
  RedisConnectionOptions,
  RedisSession,
  ScriptCall,
} from './redisSession.js';

/** Longest wait for the table, in milliseconds. */
const DISCOVERY_MS = 2_000;
/** Pause between two readings of the table, in milliseconds. */
const REFRESH_PAUSE_MS = 1_000;
/** Longest way of one command through servers that each name another one. */
const MOST_REDIRECTS = 5;

type Command = (session: NodeSession) => Promise<unknown>;

/** See the head of this file. It holds no process open by itself, and is made on the first `ready()` or `send()`. */
export class ClusterConnection implements RedisConnection {
  readonly #source: ClusterSource;
  readonly #options: RedisConnectionOptions;
  #state: 'idle' | 'open' | 'closed' = 'idle';
  readonly #nodes = new Map<string, NodeConnection>();
  #topology: ClusterTopology = { masters: [], sourceAt: () => neverRead() };
  #generation = 0;
  #reading: Promise<void> | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #awaited: Awaited | undefined;
  /** Ends a reading of the table at the end. */
  readonly #closing = new AbortController();
  /** What the store talks to: whom it reaches depends on the first key of the call. */
  readonly #session: RedisSession = {
    evalSha: (sha1, call) => this.#route(call, (session) => session.evalSha(sha1, call)),
    eval: (script, call) => this.#route(call, (session) => session.eval(script, call)),
  };

  constructor(source: ClusterSource, options: RedisConnectionOptions) {
    this.#source = source;
    this.#options = options;
  }

  get generation(): number {
    return this.#generation;
  }

  send(command: (session: RedisSession) => Promise<unknown>): Promise<unknown> {
    this.#open();
    return command(this.#session);
  }

  ready(): Promise<void> {
    if (this.#state === 'closed') return Promise.reject(this.#closedError());
    this.#open();
    if (this.#awaited === undefined && this.#answers()) return Promise.resolve();
    this.#awaited ??= awaited();
    if (this.#timer !== undefined || this.#reading === undefined) this.#plan(true);
    return this.#awaited.promise;
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#timer);
    this.#closing.abort();
    this.#awaited?.reject(this.#closedError());
    await Promise.all([...this.#nodes.values()].map((node) => node.close()));
  }

  async #route(call: ScriptCall, command: Command): Promise<unknown> {
    try {
      return await this.#follow(keySlot(call.keys[0] ?? ''), command);
    } catch (error) {
      if (hasCode(error, 'counter_store_unavailable') && !this.#answers()) this.#generation += 1;
      throw error;
    }
  }

  async #follow(slot: number, command: Command): Promise<unknown> {
    let node = this.#masterOf(slot);
    let sent = command;
    for (let redirects = 0; ; redirects += 1) {
      if (node === undefined) throw this.#unserved(slot);
      try {
        return await node.send(sent);
      } catch (error) {
        const redirect = redirectOf(error);
        if (redirect === undefined && replyCode(error) === 'CLUSTERDOWN') void this.#refresh();
        if (redirect === undefined || redirects === MOST_REDIRECTS) throw error;
        // The server ran nothing and named another one: sending it there is no second sending of a charge.
        sent = redirect.kind === 'ASK' ? asking(command) : command;
        node = await this.#redirected(slot, redirect);
      }
    }
  }

  /** Whom a redirection leads to, once the connection with it was tried. */
  async #redirected(slot: number, { kind, address }: Redirect): Promise<NodeConnection | undefined> {
    if (kind === 'MOVED') {
      const refreshed = this.#refresh();
      // A server behind a translated address is announced by a name that only the table's reader can resolve.
      if (!this.#nodes.has(address)) await refreshed;
    }
    const known = this.#nodes.get(address) ?? (kind === 'MOVED' ? this.#masterOf(slot) : this.#connect(address));
    await known?.attempted();
    return known;
  }

  #masterOf(slot: number): NodeConnection | undefined {
    const address = this.#topology.masters[slot];
    return address === undefined ? undefined : this.#nodes.get(address);
  }

  #open(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'open';
    void this.#refresh();
  }

  /** Reads the table, unless that is under way or was done just now: then the timer does it. Never rejects. */
  #refresh(): Promise<void> {
    if (this.#state === 'closed') return Promise.resolve();
    if (this.#reading === undefined && performance.now() - this.#readAtMs < REFRESH_PAUSE_MS) {
      this.#plan(true);
      return Promise.resolve();
    }
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
      this.#readAtMs = performance.now();
      this.#plan(!this.#isWhole());
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(DISCOVERY_MS)]);
    try {
      const topology = await this.#source.discover(signal);
      // A node that was made anew, or thrown out, knows of nobody: what was known before is better.
      if (!topology.masters.some((address) => address !== undefined))
        throw new Error('the node that answered knows of no slots');
      this.#apply(topology);
    } catch (error) {
      if (this.#state === 'closed') return;
      const reason = error === signal.reason ? `no answer within ${DISCOVERY_MS} ms` : reasonOf(error);
      const message = `Redis Cluster at ${this.#source.server}: ${reason}; trying again`;
      this.#options.onConnectionError?.(unavailable(message, error));
    }
  }

  #apply(topology: ClusterTopology): void {
    if (this.#state === 'closed') return;
    const before = this.#topology;
    this.#topology = topology;
    // A slot that changed hands may have lost what its former master had not replicated.
    if (topology.masters.some((address, slot) => address !== before.masters[slot])) this.#generation += 1;
    const serving = new Set(topology.masters);
    for (const [address, node] of this.#nodes) {
      if (serving.has(address)) continue;
      this.#nodes.delete(address);
      void node.close();
    }
    for (const address of serving) if (address !== undefined && !this.#nodes.has(address)) this.#connect(address);
    void this.#reach();
  }

  #connect(address: string): NodeConnection {
    const node: NodeConnection = new NodeConnection(this.#topology.sourceAt(address), {
      ...this.#options,
      onChange: () => {
        this.#generation += 1;
        if (!node.isReady) void this.#refresh();
      },
    });
    this.#nodes.set(address, node);
    void node.attempted();
    return node;
  }

  /** Who waits for the cluster goes on once each master was tried and one has answered. */
  async #reach(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.attempted()));
    if (this.#state === 'closed' || !this.#answers()) return;
    this.#awaited?.resolve();
    this.#awaited = undefined;
    this.#plan(!this.#isWhole());
  }

  #answers(): boolean {
    return [...this.#nodes.values()].some((node) => node.isReady);
  }

  #isWhole(): boolean {
    const { masters } = this.#topology;
    const servers = [...new Set(masters)];
    return masters.length === SLOTS && servers.every((address) => this.#nodes.get(address ?? '')?.isReady === true);
  }

  /** Sets the timer for the next reading, or ends it. Whoever waits for `ready` holds the process open. */
  #plan(due: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#state === 'closed' || !(due || this.#awaited !== undefined)) return;
    this.#timer = setTimeout(() => void this.#refresh(), REFRESH_PAUSE_MS);
    if (this.#awaited === undefined) this.#timer.unref();
  }

  #unserved(slot: number): TallygateError {
    if (this.#state === 'closed')
      return unavailable(`The connection to Redis Cluster at ${this.#source.server} is closed`);
    return unavailable(`Redis Cluster at ${this.#source.server}: no master is known for slot ${slot}`);
  }

  #closedError(): TallygateError {
    return new TallygateError('closed', `The connection to Redis Cluster at ${this.#source.server} is closed`);
  }
}

/** A command behind ASKING, on the same connection and without waiting between them: it holds for the next command alone. */
const asking =
  (command: Command): Command =>
  (session) => {
    // What it answers does not matter: without it the command is redirected, and ran nothing.
    session.asking().catch(() => undefined);
    return command(session);
  };

function neverRead(): never {
  throw new Error('expected the table of slots to be read before a connection is made, got none');
}
