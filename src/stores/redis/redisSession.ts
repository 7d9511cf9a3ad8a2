// Redis as the counters and the clients meet in the middle: what a connection is for the store, and what a client library has
// to bring for one server (a session) or for a cluster (who serves which slot).
import type { TallygateError } from '../../core/errors.js';

/** Longest wait for a connection with its handshake, in milliseconds. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** Most commands sent to one server and not answered. Beyond it the server does not keep up, and more would only be late. */
export const MAX_IN_FLIGHT = 10_000;

/** What EVAL and EVALSHA are told beside the script. In a cluster the first key says which server runs it. */
export interface ScriptCall {
  readonly keys: string[];
  readonly arguments: string[];
}

/** What the store uses of Redis. */
export interface RedisSession {
  evalSha(sha1: string, call: ScriptCall): Promise<unknown>;
  eval(script: string, call: ScriptCall): Promise<unknown>;
}

/** How a store talks to Redis, be it one server or a cluster. */
export interface RedisConnection {
  /**
   * Sends one command, at once or not at all, and once: only where a server answered that another one serves the key, which
   * means that it ran nothing, does the command go there.
   * Rejects with `counter_store_unavailable` where it was not sent, else with what the client said.
   */
  send(command: (session: RedisSession) => Promise<unknown>): Promise<unknown>;
  /** Resolves when Redis answers, after as many attempts as it takes; rejects with `closed` only. */
  ready(): Promise<void>;
  /**
   * Grows with each connect, each loss, each change of who serves which slot, and each command that was not sent because nobody
   * could be reached: not with one that its server alone could not take, while others answer.
   */
  readonly generation: number;
  /** Waits at most a second for commands in flight. */
  close(): Promise<void>;
}

/** How patient a connection is, and whom it tells. */
export interface RedisConnectionOptions {
  /** Told of each failed attempt and each loss, with what hinders it. Must not throw. */
  readonly onConnectionError?: (error: TallygateError) => void;
  /** Longest time for one attempt, the handshake included, in milliseconds. @defaultValue 5,000 */
  readonly connectTimeoutMs?: number;
  /**
   * Without any reply for this long while commands wait, the next command finds the connection dead and replaced, in
   * milliseconds: TCP alone needs 15 minutes for that. @defaultValue 5,000
   */
  readonly stalledMs?: number;
}

/** One connection to one server, as a client library makes it: it connects once, never again, and queues nothing. */
export interface NodeSession extends RedisSession {
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  ping(): Promise<unknown>;
  /** Lets the next command on this connection reach a slot that is being moved to this server. Sent without waiting. */
  asking(): Promise<unknown>;
  /** Called whenever the connection is, or may be, of no more use; also more than once. */
  onLost(listener: (error: Error) => void): void;
  /** Lets the process end although the connection is open, where the library can do that. */
  unref(): void;
  /** Rejects what is in flight and closes the socket at once. */
  destroy(): void;
}

/** How a new session with one server is made, and how a person knows that server. */
export interface NodeSource {
  readonly server: string;
  /** Makes a session that is not connected yet. May ask elsewhere for the server's address first. */
  make(): Promise<NodeSession>;
}

/** Who serves what in a cluster at one time. An address is `host:port`, as the cluster announces it. */
export interface ClusterTopology {
  /** The address of each slot's master, by slot; undefined where nobody serves it. */
  readonly masters: readonly (string | undefined)[];
  /** How to connect to a server of the cluster, also one that serves no slot yet. */
  sourceAt(address: string): NodeSource;
}

/** How the topology of a cluster is found out, and how a person knows the cluster. */
export interface ClusterSource {
  readonly server: string;
  /** Asks any server that answers. Holds nothing open afterwards, also when `signal` ends it. */
  discover(signal: AbortSignal): Promise<ClusterTopology>;
}
