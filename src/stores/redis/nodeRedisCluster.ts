// A cluster client of node-redis as the counters need it: a copy of it reads the table of slots, with the app's credentials,
// TLS and address map, and is destroyed. Commands never go through it: it lets them wait for a connection without a bound.
import { discovery } from './discovery.js';
import { MasterSources } from './masterSources.js';
import { type NodeRedisClient, nodeRedisSource } from './nodeRedis.js';
import type { ClusterSource } from './redisSession.js';

/** A master as the client knows it. */
interface NodeRedisMaster {
  /** `host:port`, as the cluster announces it. */
  readonly address: string;
  /** Set by `nodeClient`. */
  readonly client?: NodeRedisClient | undefined;
}

/** What is used of a copy of the client. */
interface NodeRedisClusterCopy {
  readonly masters: readonly NodeRedisMaster[];
  readonly slots: readonly ({ readonly master: { readonly address: string } } | undefined)[];
  connect(): Promise<unknown>;
  nodeClient(master: NodeRedisMaster): Promise<{ destroy(): void }>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  destroy(): void;
}

/** A cluster client of node-redis that an app hands in. It is only copied. */
export interface NodeRedisCluster {
  readonly masters: readonly object[];
  nodeClient(master: object): unknown;
  duplicate(overrides?: object): NodeRedisClusterCopy;
}

/** A copy connects to what it is asked for and to nothing else, and tries nothing twice. */
const DISCOVERY_OPTIONS = {
  minimizeConnections: true,
  useReplicas: false,
  topologyRefreshOnReconnectionAttemptStrategy: false,
  clientSideCache: undefined,
};

/** The cluster of a client. */
export function nodeRedisClusterSource(cluster: NodeRedisCluster, server: string): ClusterSource {
  const sources = new MasterSources<NodeRedisClient>(nodeRedisSource);
  return {
    server,
    discover: (signal) =>
      discovery(signal, () => {
        const copy = cluster.duplicate(DISCOVERY_OPTIONS);
        return {
          onError: (listener) => void copy.on('error', listener),
          connect: async () => {
            await copy.connect();
            for (const master of copy.masters) addMaster(sources, copy, master);
            const masters = Array.from(copy.slots, (shard) => shard?.master.address);
            return { masters, sourceAt: (address) => sources.at(address) };
          },
          end: () => copy.destroy(),
        };
      }),
  };
}

function addMaster(sources: MasterSources<NodeRedisClient>, copy: NodeRedisClusterCopy, master: NodeRedisMaster): void {
  if (sources.has(master.address)) return;
  // Makes the master's client, with all its options, at once. That it also connects is of no use. What is destroyed while it still
  // connects stays open once it has connected, and would hold the process open: so it is destroyed then, too.
  copy.nodeClient(master).then(
    (client) => client.destroy(),
    () => undefined,
  );
  if (master.client !== undefined) sources.add(master.address, master.client);
}
