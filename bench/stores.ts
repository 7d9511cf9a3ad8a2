// Redis and PostgreSQL of a bench: its own servers, with the durability that a user's would have.
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { startPostgres } from '../test/servers/postgresServer.js';
import { startRedis } from '../test/servers/redisServer.js';
import { DURABLE, migrated } from './ledger.js';

/** Calls to Redis that count something: each row uses its own of them. */
const COUNTED = /^cmdstat_(?:evalsha|eval|hincrby):calls=(\d+)/gm;

export interface BenchStores {
  /** For the environment of an app. */
  readonly environment: Readonly<Record<string, string>>;
  /** Scripts and counts that clients have asked Redis for so far. */
  redisCalls(): Promise<number>;
  /** Bytes that Redis uses, and the keys that it has. */
  redisSize(): Promise<{ readonly bytes: number; readonly keys: number }>;
  /** API calls in the ledger. */
  meteredCalls(): Promise<number>;
  /** What runs, by name and version. */
  versions(): Promise<string>;
  stop(): Promise<void>;
}

/** Starts both servers and migrates the database. */
export async function startStores(): Promise<BenchStores> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const one of stops.splice(0).reverse()) await one();
  };
  try {
    const redisServer = await startRedis();
    stops.push(redisServer.stop);
    const postgres = await startPostgres(DURABLE);
    stops.push(postgres.stop);
    await migrated(postgres.url);
    const redis = new Redis(redisServer.url);
    stops.push(() => redis.quit());
    const database = new Client({ connectionString: postgres.url });
    await database.connect();
    stops.push(() => database.end());
    return {
      environment: { DATABASE_URL: postgres.url, REDIS_URL: redisServer.url },
      redisCalls: async () =>
        [...(await redis.info('commandstats')).matchAll(COUNTED)].reduce((sum, [, calls]) => sum + Number(calls), 0),
      redisSize: async () => {
        const info = await redis.info('memory');
        const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
        // What the buffers of connections take changes with the traffic.
        return { bytes: field('used_memory') - field('mem_clients_normal'), keys: await redis.dbsize() };
      },
      meteredCalls: async () => {
        const { rows } = await database.query(
          'select coalesce(sum(api_calls), 0) as calls from tallygate.tenant_usage',
        );
        return Number(rows[0]?.calls);
      },
      versions: async () => {
        const { rows } = await database.query('show server_version');
        const ofRedis = /^redis_version:(\S+)/m.exec(await redis.info('server'))?.[1];
        return `Redis ${ofRedis}, PostgreSQL ${rows[0]?.server_version} (fsync on)`;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
