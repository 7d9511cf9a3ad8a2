// ioredis (5 or newer) as the counters need it: what is used of a client, and the options that make one safe. Its defaults send
// a charge again whose answer was lost, queue while disconnected, and one of the cures alone lets promises hang for ever.
import type { HostAndPort } from './masterSources.js';
import { CONNECT_TIMEOUT_MS, type NodeSession, type NodeSource } from './redisSession.js';

/** What is used of a client of our own. */
export interface IoredisCopy {
  readonly status: string;
  /** There from the first attempt on. */
  readonly stream?: { unref?(): unknown; destroy(): unknown } | undefined;
  connect(): Promise<unknown>;
  disconnect(): void;
  ping(): Promise<unknown>;
  asking(): Promise<unknown>;
  evalsha(sha1: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  on(event: 'error' | 'close' | 'connect', listener: (error?: Error) => void): unknown;
}

/** An ioredis client (also of sentinels) that an app hands in. It is only copied. */
export interface IoredisClient {
  readonly status: string;
  duplicate(overrides?: object): IoredisCopy;
}

/** Options that override whatever a client has; the first four keep a charge from being sent twice or late. */
const SAFE_OPTIONS = {
  // Without a function it never reconnects: `nodeConnection.ts` replaces the client.
  retryStrategy: null,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  reconnectOnError: null,
  sentinelRetryStrategy: () => null,
  lazyConnect: true,
  connectTimeout: CONNECT_TIMEOUT_MS,
  // These change keys, replies, or whom a command goes to; `commandTimeout` is the guard's affair.
  keyPrefix: '',
  readOnly: false,
  role: 'master',
  monitor: false,
  stringNumbers: false,
  enableAutoPipelining: false,
  autoResubscribe: false,
  commandTimeout: undefined,
  socketTimeout: undefined,
};

/**
 * Sessions with the server of a client, or with another one that takes the same credentials.
 * @param server how a person knows it
 * @param address host and port where it is not the client's own server
 */
export const ioredisSource = (
  client: IoredisClient,
  server: string,
  address: Partial<HostAndPort> = {},
): NodeSource => ({
  server,
  make: async () => ioredisSession(client.duplicate({ ...SAFE_OPTIONS, ...address })),
});

const ioredisSession = (client: IoredisCopy): NodeSession => ({
  get isReady() {
    return client.status === 'ready';
  },
  connect: () => client.connect(),
  ping: () => client.ping(),
  asking: () => client.asking(),
  evalSha: (sha1, { keys, arguments: values }) => client.evalsha(sha1, keys.length, ...keys, ...values),
  eval: (script, { keys, arguments: values }) => client.eval(script, keys.length, ...keys, ...values),
  onLost: (listener) => {
    client.on('error', (error) => listener(error ?? new Error('an error without a reason')));
    // A server that ends the connection in good order is no error to ioredis.
    client.on('close', () => listener(new Error('the connection was closed')));
  },
  unref: () => {
    client.on('connect', () => client.stream?.unref?.());
  },
  destroy: () => {
    client.disconnect();
    // By itself it waits up to 2 s for the server to close its end.
    client.stream?.destroy();
  },
});
