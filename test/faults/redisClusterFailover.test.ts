// A master of a real cluster dies under traffic, and its replica, which has not seen the last seconds, takes over: two
// installations on one ledger, one by REDIS_URL and one with a client of ioredis, serve every tenant again, and the day's limit holds.
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster as IoredisCluster } from 'ioredis';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createTallygate, type Tallygate } from '../../src/index.js';
import { keySlot, SLOTS } from '../../src/stores/redis/keySlot.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisClusterServers, startRedisCluster } from '../servers/redisCluster.js';
import type { RedisServer } from '../servers/redisServer.js';
import { newFolder } from '../servers/runFolder.js';
import { until } from '../servers/until.js';

const LIMIT = 200;
/** Between two requests of one tenant at one installation, in milliseconds. */
const PACE_MS = 50;
const SECOND_MS = 1_000;
/** What the replica has not seen, in milliseconds: more than a second, so that without the ledger's floors the bound would break. */
const LAG_MS = 2_500;
const DEADLINE_MS = 30_000;
const plans = {
  free: [
    { name: 'minute', window: 'minute', limit: 'unlimited' },
    { name: 'day', window: 'day', limit: LIMIT },
  ],
} as const;

/** What became of a tenant's requests. */
interface Traffic {
  readonly tenantId: string;
  readonly master: number;
  /** When each admission was answered, monotonic. */
  readonly admittedAt: number[];
  /** When the store last decided something, by installation. */
  readonly decidedAt: number[];
  refused: number;
}

let cluster: RedisClusterServers;
let database: TestDatabase;
let installations: Tallygate[];

beforeAll(async () => {
  [cluster, database] = await Promise.all([startRedisCluster(), createMigratedDatabase()]);
  vi.stubEnv('TALLYGATE_DATA_DIR', newFolder('failover'));
  // No answer of a busy machine may count as none.
  vi.stubEnv('QUOTA_STORE_TIMEOUT_MS', '2000');
  const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  vi.stubEnv('REDIS_URL', cluster.urls.join(','));
  vi.stubEnv('REDIS_MODE', 'cluster');
  const options = { database: database.url, plans, onStoreError: 'deny' } as const;
  installations = [
    createTallygate(options),
    createTallygate({ ...options, redis: new IoredisCluster(nodes, { lazyConnect: true }) }),
  ];
});

afterAll(async () => {
  await Promise.all((installations ?? []).map((one) => one.close()));
  vi.unstubAllEnvs();
  await cluster?.stop();
  await database?.drop();
});

/** Three tenants on each master. */
function tenants(): Traffic[] {
  const found: Traffic[] = [];
  for (let index = 0; found.length < 9; index += 1) {
    const tenantId = `{acme}-${index}`;
    const slot = keySlot(`tg:{${encodeURIComponent(tenantId)}}:q`);
    const master = [1, 2, 3].findIndex((part) => slot < Math.floor((part * SLOTS) / 3));
    if (found.filter((one) => one.master === master).length === 3) continue;
    found.push({ tenantId, master, admittedAt: [], decidedAt: [0, 0], refused: 0 });
  }
  return found;
}

/** Sends requests of a tenant to one installation, one after the other, until it is told to stop. */
async function send(installation: number, traffic: Traffic, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const { outcome } = await (installations[installation] as Tallygate).quota.consume(traffic.tenantId);
    const now = performance.now();
    if (outcome === 'admitted') traffic.admittedAt.push(now);
    if (outcome === 'unavailable') traffic.refused += 1;
    else traffic.decidedAt[installation] = now;
    await pause(PACE_MS);
  }
}

/** From here on the replica sees nothing of its master, as over a link that is broken: it takes over with what it had. */
async function cutOff(replica: RedisServer, master: RedisServer): Promise<void> {
  await cluster.call(replica, 'CONFIG', 'SET', 'masterauth', 'wrong');
  await cluster.call(master, 'CLIENT', 'KILL', 'TYPE', 'replica');
}

it('every tenant is served again within 30 s, over its limit by at most what was admitted in the last second', async () => {
  const all = tenants();
  const [master, replica] = [cluster.nodes[0], cluster.nodes[3]] as [RedisServer, RedisServer];
  const stop = new AbortController();
  const senders = all.flatMap((traffic) => [0, 1].map((installation) => send(installation, traffic, stop.signal)));
  await until(() => all.every(({ admittedAt }) => admittedAt.length >= LIMIT / 5), { deadlineMs: DEADLINE_MS });

  await cutOff(replica, master);
  const cutAt = performance.now();
  await until(() => performance.now() - cutAt > LAG_MS, { what: 'the replica lags behind' });
  master.kill('SIGKILL');
  const killedAt = performance.now();
  const servedAgain = ({ decidedAt }: Traffic) => decidedAt.every((at) => at > killedAt + SECOND_MS / 2);
  await until(() => all.every(servedAgain), { deadlineMs: DEADLINE_MS, what: 'every tenant is served again' });
  const servedMs = performance.now() - killedAt;

  // To the end: each tenant uses up its day, as the store counts it.
  await until(async () => (await Promise.all(all.map(isUsedUp))).every(Boolean), { deadlineMs: DEADLINE_MS });
  stop.abort();
  await Promise.all(senders);

  const hit = all.filter((traffic) => traffic.master === 0);
  const lastSecond = ({ admittedAt }: Traffic) =>
    admittedAt.filter((at) => at > killedAt - SECOND_MS && at <= killedAt).length;
  const over = (traffic: Traffic) => Math.max(0, traffic.admittedAt.length - LIMIT);
  const sum = (ones: readonly Traffic[], of: (one: Traffic) => number) =>
    ones.reduce((total, one) => total + of(one), 0);
  const others = all.filter((traffic) => traffic.master !== 0);
  process.stdout.write(
    `cluster: all tenants served ${(servedMs / 1000).toFixed(1)} s after the death of a master; its three tenants were admitted ${sum(hit, lastSecond)} in the last second before it (its replica had not seen ${LAG_MS / 1000} s), and ${sum(hit, over)} over their limits; refused meanwhile: ${sum(hit, (one) => one.refused)} of its tenants, ${sum(others, (one) => one.refused)} of the six others\n`,
  );
  for (const traffic of all) {
    expect(traffic.admittedAt.length, traffic.tenantId).toBeGreaterThanOrEqual(LIMIT - traffic.refused);
    expect(over(traffic), traffic.tenantId).toBeLessThanOrEqual(lastSecond(traffic));
  }
  for (const traffic of others) expect(over(traffic), traffic.tenantId).toBe(0);
}, 90_000);

async function isUsedUp({ tenantId }: Traffic): Promise<boolean> {
  const { limits } = await (installations[0] as Tallygate).quota.peek(tenantId);
  return limits.find(({ name }) => name === 'day')?.remaining === 0;
}
