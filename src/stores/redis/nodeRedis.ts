// node-redis (`@redis/client` 5 or newer) as the counters need it: what is used of a client, and the options that make one safe.
// It never resends by itself, but its defaults queue while disconnected and put an AbortSignal on every command.
import { TallygateError } from '../../core/errors.js';

/** Longest wait for a connection with its handshake, in milliseconds. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** Most commands sent and not answered. Beyond it the server does not keep up, and more would only be late. */
export const MAX_IN_FLIGHT = 10_000;

/** What EVAL and EVALSHA are told beside the script. */
export interface ScriptCall {
  readonly keys: string[];
  readonly arguments: string[];
}

/** What is used of a node-redis client of our own. */
export interface RedisSession {
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  ping(): Promise<unknown>;
  evalSha(sha1: string, call: ScriptCall): Promise<unknown>;
  eval(script: string, call: ScriptCall): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  unref(): void;
  /** Rejects what is in flight and closes the socket at once. */
  destroy(): void;
}

/** A node-redis client that an app hands in. It is only copied: its own connection, options and commands stay untouched. */
export interface NodeRedisClient {
  readonly options?: { readonly socket?: object | undefined } | undefined;
  readonly isReady: boolean;
  duplicate(overrides?: object): RedisSession;
}

/**
 * Options that override whatever a client has. Reconnecting is not left to it: `redisConnection.ts` replaces the client, so
 * that a stalled handshake or a broken stream is noticed too and no timer of the client's holds the process open.
 */
const safeOptions = (socket: object) => ({
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

/** How a connection makes a new client, without I/O, and how a person knows the server. */
export interface SessionSource {
  readonly server: string;
  make(): Promise<RedisSession>;
}

/**
 * Reads what an app or the environment gave as Redis.
 * @param redis `redis://` or `rediss://` URL, or a node-redis client
 * @throws TallygateError `invalid_configuration`
 */
export function sessionSource(redis: string | NodeRedisClient): SessionSource {
  return typeof redis === 'string' ? sourceOfUrl(redis) : sourceOfClient(redis);
}

function sourceOfUrl(text: string): SessionSource {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The URL may hold a password, so the message does not repeat it.
  if (url === undefined || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '')
    throw refused('expected redis://host:port or rediss://host:port, got something else');
  if (!/^(\/\d*)?$/.test(url.pathname)) throw refused(`expected a database number as the path, got "${url.pathname}"`);
  return {
    server: url.host,
    make: async () => {
      // Loaded on first use: who counts in the process never pays for it.
      const { createClient } = await import('@redis/client');
      return createClient({ url: text, ...safeOptions({}) });
    },
  };
}

function sourceOfClient(client: NodeRedisClient): SessionSource {
  const fault = clientFault(client);
  if (fault !== undefined) throw refused(`expected a node-redis client of version 5 or newer, got ${fault}`);
  return {
    server: "the app's Redis",
    make: async () => client.duplicate({ ...REMOVED_OPTIONS, ...safeOptions(client.options?.socket ?? {}) }),
  };
}

/** Told apart by what a client can do; the names of classes are nobody's promise. */
function clientFault(client: unknown): string | undefined {
  if (typeof client !== 'object' || client === null) return client === null ? 'null' : typeof client;
  const can = (method: string) => method in client && typeof client[method as keyof typeof client] === 'function';
  if (can('evalsha') && !can('evalSha')) return 'an ioredis client, which is not supported yet: pass its URL instead';
  if ('masters' in client || 'getSentinelNode' in client)
    return 'a client of a cluster or of sentinels, which is not supported yet';
  const missing = ['duplicate', 'evalSha', 'destroy', 'unref'].filter((method) => !can(method));
  return missing.length === 0 ? undefined : `something without ${missing.join(', ')}`;
}

const refused = (what: string): TallygateError =>
  new TallygateError('invalid_configuration', `Redis: ${what}`, { faults: [{ location: 'redis', message: what }] });
