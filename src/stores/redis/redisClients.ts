// The clients of Redis that an app may hand in, told apart by what they can do: the names of classes and what they keep private
// are nobody's promise. Each is only copied, with options that make it safe; what cannot be copied is refused.
import { TallygateError } from '../../core/errors.js';
import { type IoredisClient, ioredisSource } from './ioredis.js';
import { type IoredisCluster, ioredisClusterSource } from './ioredisCluster.js';
import { type NodeRedisClient, nodeRedisSource } from './nodeRedis.js';
import { type NodeRedisCluster, nodeRedisClusterSource } from './nodeRedisCluster.js';
import { type NodeRedisSentinel, nodeRedisSentinelSource } from './nodeRedisSentinel.js';
import type { ClusterSource, NodeSource } from './redisSession.js';

/** A client of node-redis 5 or newer (also of a cluster; of sentinels from 6 on), or of ioredis 5 or newer (also `Redis.Cluster`). */
export type RedisClient = NodeRedisClient | NodeRedisCluster | NodeRedisSentinel | IoredisClient | IoredisCluster;

const THE_APPS = "the app's Redis";

/**
 * How to reach what a client reaches.
 * @throws TallygateError `invalid_configuration` for anything else
 */
export function sourceOfClient(client: RedisClient): NodeSource | ClusterSource {
  if (isIoredisCluster(client)) return ioredisClusterSource(client, THE_APPS);
  if (isIoredisClient(client)) return ioredisSource(client, THE_APPS);
  if (isNodeRedisCluster(client)) return nodeRedisClusterSource(client, THE_APPS);
  if (isNodeRedisSentinel(client)) return nodeRedisSentinelSource(client, THE_APPS);
  if (isNodeRedisClient(client)) return nodeRedisSource(client, THE_APPS);
  throw refused(client);
}

/** The two shapes: `evalsha(sha1, n, ...args)` is ioredis', `evalSha(sha1, { keys, arguments })` node-redis'. */
const isIoredisCluster = (client: object): client is IoredisCluster => can(client, 'evalsha', 'nodes', 'duplicate');
const isIoredisClient = (client: object): client is IoredisClient => can(client, 'evalsha', 'disconnect', 'duplicate');
const isNodeRedisCluster = (client: object): client is NodeRedisCluster =>
  can(client, 'evalSha', 'nodeClient', 'duplicate');
const isNodeRedisSentinel = (client: object): client is NodeRedisSentinel =>
  can(client, 'evalSha', 'getMasterNode', 'duplicate');
const isNodeRedisClient = (client: object): client is NodeRedisClient =>
  can(client, 'evalSha', 'destroy', 'unref', 'duplicate');

function can(client: unknown, ...methods: string[]): boolean {
  return missing(client, methods).length === 0;
}

function missing(client: unknown, methods: readonly string[]): readonly string[] {
  if (typeof client !== 'object' || client === null) return methods;
  return methods.filter((method) => !(method in client && typeof client[method as keyof typeof client] === 'function'));
}

function refused(client: unknown): TallygateError {
  const expected = 'a client of node-redis (5 or newer) or ioredis (5 or newer)';
  const lacks = missing(client, ['evalSha', 'duplicate', 'destroy', 'unref']);
  const got =
    typeof client !== 'object' || client === null
      ? String(client === null ? null : typeof client)
      : `something without ${lacks.join(', ')}`;
  const message = `expected ${expected}, got ${got}${insteadOf(client)}`;
  return new TallygateError('invalid_configuration', `Redis: ${message}`, { faults: [{ location: 'redis', message }] });
}

/** What to do about clients that are known and cannot be copied. */
function insteadOf(client: unknown): string {
  if (can(client, 'evalSha', 'getMasterNode'))
    return '; sentinels of node-redis 5 cannot be copied: use 6, or REDIS_URL';
  if (can(client, 'evalSha', 'execute')) return '; instead of a pool, pass a client with the same options';
  return '';
}
