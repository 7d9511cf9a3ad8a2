// Guarantee 1 and 3 over real processes: exactly the limit is admitted, and the ledger says what was admitted.
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { until } from '../servers/until.js';
import { call, type FleetServer, flood, startServer, zoneAtNoon } from './serverFleet.js';

let database: TestDatabase;
let redis: RedisServer;
const servers: FleetServer[] = [];

beforeAll(async () => {
  database = await createDatabase();
  redis = await startRedis();
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    TALLYGATE_MIGRATE: 'true',
    QUOTA_FREE_PER_MINUTE: 'unlimited',
    QUOTA_FREE_PER_DAY: '1000',
    QUOTA_STORE_TIMEOUT_MS: '5000',
  };
  // All at once: each of them migrates an empty database.
  servers.push(...(await Promise.all(Array.from({ length: 4 }, () => startServer(env)))));
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.process.end()));
  await redis?.stop();
  await database?.drop();
});

async function rowsOf(text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('four processes, fifty requests in flight each, one tenant', () => {
  it('a lowered limit refuses, and a raised one admits, in every process within 1 s', async () => {
    const [first, ...others] = servers as [FleetServer, ...FleetServer[]];
    const consume = (server: FleetServer) => call('POST', `${server.url}/v1/consume`, { tenant: 'changed' });
    // It is about noon there, so the day does not end under this test.
    const setting = (day: number) => ({ timeZone: zoneAtNoon(), limits: { day } });
    for (const server of servers) expect((await consume(server)).status).toBe(200);
    for (const [day, status] of [
      [2, 429],
      [1_000, 200],
    ] as const) {
      await call('PUT', `${first.url}/api/admin/quotas/changed`, setting(day));
      const changedAt = performance.now();
      for (const server of others) {
        const deadlineMs = 1_000 - (performance.now() - changedAt);
        const answer = await until(
          async () => {
            const given = await consume(server);
            return given.status === status && given;
          },
          { deadlineMs, what: `a ${status}` },
        );
        const remaining = Number(answer.headers['x-ratelimit-remaining-day']);
        expect(remaining).toBeGreaterThanOrEqual(0);
        if (status === 429) expect(remaining).toBe(0);
      }
    }
  });

  it('admit exactly the day limit of 1,000, and the ledger says 1,000 after SIGTERM', async () => {
    const [first] = servers as [FleetServer];
    const set = await call('PUT', `${first.url}/api/admin/quotas/busy`, { plan: 'free', timeZone: zoneAtNoon() });
    expect(set.status).toBe(200);
    // In force everywhere within a second: the promise that this test relies on, and checks by the way.
    for (const server of servers) {
      const zone = async () => (await call('GET', `${server.url}/api/admin/quotas/busy`)).body.timeZone;
      await until(async () => (await zone()) === zoneAtNoon(), { deadlineMs: 1_000, what: 'the new setting' });
    }

    const answers = (
      await Promise.all(
        servers.map((server) => flood(400, 50, () => call('POST', `${server.url}/v1/consume`, { tenant: 'busy' }))),
      )
    ).flat();

    const answered = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect({ admitted: answered(200), denied: answered(429) }).toEqual({ admitted: 1_000, denied: 600 });

    for (const server of servers) server.process.kill('SIGTERM');
    const exits = await Promise.all(servers.map((server) => server.process.exit));
    expect(exits.map((exit) => exit.code)).toEqual([0, 0, 0, 0]);
    const [usage] = await rowsOf(
      `select sum(api_calls)::int calls from tallygate.tenant_usage where tenant_id = 'busy'`,
    );
    const [charges] = await rowsOf(
      `select sum(units)::int units, sum(denied)::int denied, sum(unconfirmed)::int unconfirmed from tallygate.quota_charge where tenant_id = 'busy'`,
    );
    expect(usage).toEqual({ calls: 1_000 });
    expect(charges).toEqual({ units: 1_000, denied: 600, unconfirmed: 0 });
  });
});
