// A cluster client of ioredis as the counters need it: a copy of it reads the table of slots, with the app's credentials, TLS and
// address map, and is disconnected. Commands never go through it: it queues them for its servers, and sends a charge again
// whose answer was lost unless `retryDelayOnFailover` is 0.
import { discovery } from './discovery.js';
import { type IoredisClient, ioredisSource } from './ioredis.js';
import { MasterSources } from './masterSources.js';
import type { ClusterSource } from './redisSession.js';

/** A master as the client knows it. */
interface IoredisMaster extends IoredisClient {
  readonly options: { readonly host?: string | undefined; readonly port?: number | undefined };
}

/** What is used of a copy of the client. */
interface IoredisClusterCopy {
  /** `host:port` of each slot's servers, the master first. */
  readonly slots: readonly (readonly string[] | undefined)[];
  nodes(role: 'master'): readonly IoredisMaster[];
  connect(): Promise<unknown>;
  disconnect(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** A cluster client of ioredis that an app hands in. It is only copied. */
export interface IoredisCluster {
  nodes(role: 'master'): readonly object[];
  duplicate(startupNodes: never[], overrides?: object): IoredisClusterCopy;
}

/** A copy reads the table once and tries nothing twice. */
const DISCOVERY_OPTIONS = {
  lazyConnect: true,
  clusterRetryStrategy: () => null,
  enableOfflineQueue: false,
  enableReadyCheck: false,
  slotsRefreshInterval: 0,
  shardedSubscribers: false,
  scaleReads: 'master',
  retryDelayOnFailover: 0,
};

/** The cluster of a client. */
export function ioredisClusterSource(cluster: IoredisCluster, server: string): ClusterSource {
  const sources = new MasterSources<IoredisClient>(ioredisSource);
  return {
    server,
    discover: (signal) =>
      discovery(signal, () => {
        const copy = cluster.duplicate([], DISCOVERY_OPTIONS);
        return {
          onError: (listener) => void copy.on('error', listener),
          connect: async () => {
            await copy.connect();
            for (const master of copy.nodes('master')) {
              const address = `${master.options.host}:${master.options.port}`;
              if (!sources.has(address)) sources.add(address, master);
            }
            return {
              masters: Array.from(copy.slots, (servers) => servers?.[0]),
              sourceAt: (address) => sources.at(address),
            };
          },
          end: () => copy.disconnect(),
        };
      }),
  };
}
