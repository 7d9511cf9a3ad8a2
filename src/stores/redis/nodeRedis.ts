// node-redis (`@redis/client` 5 or newer) as the counters need it: what is used of a client, and the options that make one safe.
// It never resends by itself, but its defaults queue while disconnected and put an AbortSignal on every command.
import type { HostAndPort } from './masterSources.js';
import {
  CONNECT_TIMEOUT_MS,
  MAX_IN_FLIGHT,
  type NodeSession,
  type NodeSource,
  type ScriptCall,
} from './redisSession.js';

/** What is used of a client of our own. */
export interface NodeRedisCopy {
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  ping(): Promise<unknown>;
  asking(): Promise<unknown>;
  evalSha(sha1: string, call: ScriptCall): Promise<unknown>;
  eval(script: string, call: ScriptCall): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  unref(): void;
  destroy(): void;
}

/** A node-redis client that an app hands in. It is only copied: its own connection, options and commands stay untouched. */
export interface NodeRedisClient {
  readonly options?: { readonly socket?: object | undefined } | undefined;
  readonly isReady: boolean;
  duplicate(overrides?: object): NodeRedisCopy;
}

/**
 * Options that override whatever a client has. Reconnecting is not left to it: `nodeConnection.ts` replaces the client, so that a
 * stalled handshake or a broken stream is noticed too and no timer of the client's holds the process open.
 */
export const safeOptions = <Socket extends object>(socket: Socket) => ({
  disableOfflineQueue: true,
  // Its own timeout ends when the command is written, and costs a signal a command: the guard has a better one.
  commandOptions: { timeout: 0 },
  commandsQueueMaxLength: 2 * MAX_IN_FLIGHT,
  // Would lengthen timeouts by itself and adds a command to the handshake.
  maintNotifications: 'disabled' as const,
  socket: { ...socket, connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false as const },
});

/** Options of an app's client that must not reach ours: they change keys, replies, or whom a command goes to. */
const REMOVED_OPTIONS = {
  keyPrefix: undefined,
  readonly: false,
  clientSideCache: undefined,
  emitInvalidate: false,
  pingInterval: undefined,
};

/**
 * Sessions with the server of a client, or with another one that takes the same credentials.
 * @param server how a person knows it
 * @param address host and port where it is not the client's own server
 */
export const nodeRedisSource = (
  client: NodeRedisClient,
  server: string,
  address: Partial<HostAndPort> = {},
): NodeSource => ({
  server,
  make: async () =>
    nodeRedisSession(
      client.duplicate({
        ...REMOVED_OPTIONS,
        // An idle connection is no dead one.
        ...safeOptions({ ...client.options?.socket, ...address, socketTimeout: undefined }),
      }),
    ),
});

/** One connection of node-redis. */
export const nodeRedisSession = (client: NodeRedisCopy): NodeSession => ({
  get isReady() {
    return client.isReady;
  },
  connect: () => client.connect(),
  ping: () => client.ping(),
  asking: () => client.asking(),
  evalSha: (sha1, call) => client.evalSha(sha1, call),
  eval: (script, call) => client.eval(script, call),
  onLost: (listener) => {
    client.on('error', listener);
  },
  unref: () => client.unref(),
  destroy: () => client.destroy(),
});
