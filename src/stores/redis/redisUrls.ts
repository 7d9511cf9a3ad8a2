// Redis by URL: one server, a cluster, or a master that sentinels name. All three are node-redis underneath, which is loaded on
// first use: who counts in the process, or hands in a client, never pays for it.
import type { RedisServers } from '../../core/redisServers.js';
import { nodeRedisSession, safeOptions } from './nodeRedis.js';
import { nodeRedisClusterSource } from './nodeRedisCluster.js';
import type { ClusterSource, NodeSource } from './redisSession.js';
import { masterOf } from './sentinels.js';

/** How to reach the servers. The URLs have been checked: see `redisUrlsFault`. */
export function sourceOfServers(servers: RedisServers): NodeSource | ClusterSource {
  const { mode, urls, sentinelName = '' } = servers;
  const server = urls.map((url) => new URL(url).host).join(', ');
  if (mode === 'cluster') return clusterSource(urls, server);
  if (mode === 'sentinel') return sentinelSource(urls, sentinelName, `sentinels ${server} ("${sentinelName}")`);
  return { server, make: async () => nodeRedisSession(await clientOf(urls[0])) };
}

async function clientOf(url: string) {
  const { createClient } = await import('@redis/client');
  return createClient({ url, ...safeOptions({}) });
}

function sentinelSource(urls: RedisServers['urls'], name: string, server: string): NodeSource {
  return {
    server,
    make: async () => {
      const { createClient } = await import('@redis/client');
      const asking = urls.map((url) => () => createClient({ url: withoutDatabase(url), ...safeOptions({}) }));
      const { host, port } = await masterOf(name, asking);
      const master = new URL(urls[0]);
      master.hostname = host.includes(':') ? `[${host}]` : host;
      master.port = String(port);
      return nodeRedisSession(await clientOf(master.href));
    },
  };
}

/** A sentinel has no databases. */
function withoutDatabase(url: string): string {
  const sentinel = new URL(url);
  sentinel.pathname = '';
  return sentinel.href;
}

function clusterSource(urls: RedisServers['urls'], server: string): ClusterSource {
  let source: ClusterSource | undefined;
  return {
    server,
    discover: async (signal) => {
      const { createCluster } = await import('@redis/client');
      // What the table names are the nodes' addresses alone: credentials and TLS hold for all of them.
      source ??= nodeRedisClusterSource(
        createCluster({
          rootNodes: urls.map((url) => ({ url })),
          defaults: {
            ...credentialsOf(urls),
            ...safeOptions(urls[0].startsWith('rediss:') ? { tls: true as const } : {}),
          },
          commandOptions: { timeout: 0 },
        }),
        server,
      );
      return source.discover(signal);
    },
  };
}

function credentialsOf(urls: readonly string[]): { username?: string; password?: string } {
  for (const url of urls) {
    const { username, password } = new URL(url);
    if (username === '' && password === '') continue;
    return {
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    };
  }
  return {};
}
