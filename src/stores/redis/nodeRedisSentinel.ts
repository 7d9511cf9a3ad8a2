// A sentinel client of node-redis that an app hands in. Its options cannot be seen from outside, so a copy of it is the session
// itself: it asks the sentinels, connects to the master they name, and is thrown away when that connection or its master changes.
import type { NodeSession, NodeSource, ScriptCall } from './redisSession.js';

/** What is used of a copy of the client. */
interface NodeRedisSentinelCopy {
  readonly isReady: boolean;
  /** Undefined while the connection with the master is broken. */
  getMasterNode(): unknown;
  connect(): Promise<unknown>;
  ping(): Promise<unknown>;
  evalSha(sha1: string, call: ScriptCall): Promise<unknown>;
  eval(script: string, call: ScriptCall): Promise<unknown>;
  on(event: 'error' | 'reconnecting', listener: (error?: Error) => void): unknown;
  destroy(): Promise<unknown>;
}

/** A sentinel client of node-redis that an app hands in. It is only copied. */
export interface NodeRedisSentinel {
  getMasterNode(): unknown;
  duplicate(overrides?: object): NodeRedisSentinelCopy;
}

const SAFE_OPTIONS = {
  // Above 0 it sends a command again whose connection broke: a charge would be made twice.
  maxCommandRediscovers: 0,
  // Else commands that come at once take turns at the one connection, each waiting for the answer of the one before.
  reserveClient: true,
  masterPoolSize: 1,
  replicaPoolSize: 0,
  // Else nobody is told that the connection with the master broke, and the client makes it anew in silence.
  passthroughClientErrorEvents: true,
  scanInterval: 0,
  keyPrefix: undefined,
  clientSideCache: undefined,
  commandOptions: { timeout: 0 },
};

/** The master behind a sentinel client. */
export const nodeRedisSentinelSource = (sentinel: NodeRedisSentinel, server: string): NodeSource => ({
  server,
  make: async () => sentinelSession(sentinel.duplicate(SAFE_OPTIONS)),
});

function sentinelSession(client: NodeRedisSentinelCopy): NodeSession {
  let connected = false;
  return {
    // Else it would keep the command until the sentinels have named a master that answers.
    get isReady() {
      return client.isReady && client.getMasterNode() !== undefined;
    },
    connect: async () => {
      await client.connect();
      connected = true;
    },
    ping: () => client.ping(),
    asking: () => Promise.reject(new Error('expected ASKING to be sent in a cluster only')),
    evalSha: (sha1, call) => client.evalSha(sha1, call),
    eval: (script, call) => client.eval(script, call),
    onLost: (listener) => {
      // Also told of sentinels. One that does not answer is no loss: the next one is asked, and connecting says if none did.
      client.on('error', (error) => {
        if (connected && client.getMasterNode() === undefined)
          listener(error ?? new Error('an error without a reason'));
      });
      client.on('reconnecting', () => listener(new Error('the sentinels named another master')));
    },
    // It has no such method. An app that hands in a client of sentinels closes what it opened.
    unref: () => undefined,
    destroy: () => {
      client.destroy().catch(() => undefined);
    },
  };
}
