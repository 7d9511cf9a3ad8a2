// The way to Redis, whatever an app or the environment gave as Redis: one server, a cluster, sentinels, by URL or by a client.
import { configurationFault } from '../../core/errors.js';
import { type RedisServers, redisUrlsFault } from '../../core/redisServers.js';
import { ClusterConnection } from './clusterConnection.js';
import { NodeConnection } from './nodeConnection.js';
import { type RedisClient, sourceOfClient } from './redisClients.js';
import type { ClusterSource, NodeSource, RedisConnection, RedisConnectionOptions } from './redisSession.js';
import { sourceOfServers } from './redisUrls.js';

export type { RedisConnection, RedisConnectionOptions } from './redisSession.js';

/** What may be given as Redis. A text is the URL of one server. */
export type Redis = string | RedisServers | RedisClient;

/**
 * A connection to Redis, made on the first `ready()` or `send()`. It holds no process open by itself, but for a client of
 * sentinels that was handed in.
 * @param redis URLs, or an app's client, which is copied with safe options
 * @throws TallygateError `invalid_configuration`
 */
export function redisConnection(redis: Redis, options: RedisConnectionOptions = {}): RedisConnection {
  const source = sourceOf(redis);
  return 'discover' in source ? new ClusterConnection(source, options) : new NodeConnection(source, options);
}

function sourceOf(redis: Redis): NodeSource | ClusterSource {
  if (typeof redis !== 'string' && !isServers(redis)) return sourceOfClient(redis);
  const servers: RedisServers = typeof redis === 'string' ? { mode: 'single', urls: [redis] } : redis;
  const fault = redisUrlsFault(servers.urls, servers.mode);
  if (fault !== undefined) throw configurationFault([{ location: 'redis', message: fault }]);
  return sourceOfServers(servers);
}

/** An app in JavaScript may hand in anything. */
const isServers = (redis: unknown): redis is RedisServers =>
  typeof redis === 'object' && redis !== null && 'urls' in redis && Array.isArray(redis.urls);
