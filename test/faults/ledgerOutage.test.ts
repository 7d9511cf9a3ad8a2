// Guarantee 3: usage counts once, over lost answers and outages of the ledger; and what holds while a store is away.
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTallygate, type Tallygate, type TallygateOptions } from '../../src/index.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { startTcpProxy, type TcpProxy } from '../servers/tcpProxy.js';
import { until } from '../servers/until.js';

let database: TestDatabase;
let redis: RedisServer;
let proxy: TcpProxy;
const open: Tallygate[] = [];

beforeAll(async () => {
  redis = await startRedis();
  database = await createMigratedDatabase();
});

beforeEach(async () => {
  proxy = await startTcpProxy(Number(new URL(database.url).port));
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((tallygate) => tallygate.close({ deadlineMs: 1_000 })));
  await proxy.stop();
});

afterAll(async () => {
  await redis?.stop();
  await database?.drop();
});

function start(options: TallygateOptions = {}): Tallygate {
  const tallygate = createTallygate({ database: proxy.through(database.url), ...options });
  open.push(tallygate);
  return tallygate;
}

/** What the ledger has of a tenant, read past the proxy. */
async function ledgerOf(tenantId: string): Promise<{ calls: number; units: number; unconfirmed: number }> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query(
      `select coalesce((select sum(api_calls) from tallygate.tenant_usage where tenant_id = $1), 0)::int calls,
              coalesce((select sum(units) from tallygate.quota_charge where tenant_id = $1), 0)::int units,
              coalesce((select sum(unconfirmed) from tallygate.quota_charge where tenant_id = $1), 0)::int unconfirmed`,
      [tenantId],
    );
    return rows[0];
  } finally {
    await client.end();
  }
}

describe('usage counts once', () => {
  it('whichever answer of a flush is lost, that of COMMIT included', async () => {
    const tallygate = start();
    await tallygate.usage.record('answers', { apiCalls: 1 });
    await tallygate.flush();
    let recorded = 1;
    // A flush takes some round trips: losing the first, second, ... answer reaches each of them, and COMMIT's is among them.
    for (let answer = 0; answer < 8; answer += 1) {
      await tallygate.usage.record('answers', { apiCalls: 1 });
      recorded += 1;
      const flushing = tallygate.flush().catch(() => undefined);
      for (let passed = 0; passed < answer; passed += 1) await new Promise((resolve) => setImmediate(resolve));
      proxy.cutAtNextReply();
      await flushing;
      await until(() => tallygate.flush().then(() => true), { what: 'the ledger again' });
      expect((await ledgerOf('answers')).calls).toBe(recorded);
    }
  });

  it('over an outage: requests go on, the backlog reaches the ledger by itself, and nothing is lost', async () => {
    const tallygate = start({ redis: redis.url });
    const first = await tallygate.quota.consume('outage');
    expect(first.outcome).toBe('admitted');
    // The second reading of the sums, one flush interval after the first, would wait for the ledger.
    await tallygate.flush();
    proxy.refuse(true);
    for (let index = 0; index < 20; index += 1) {
      expect((await tallygate.quota.consume('outage')).outcome).toBe('admitted');
    }
    await expect(tallygate.flush()).rejects.toMatchObject({ code: 'ledger_unavailable' });
    proxy.refuse(false);
    await until(async () => (await ledgerOf('outage')).units === 21, {
      deadlineMs: 15_000,
      what: 'the backlog in the ledger',
    });
  });

  it('what cannot be flushed at the end is counted, not forgotten silently', async () => {
    const tallygate = start();
    await tallygate.usage.record('unflushed', { apiCalls: 1 });
    proxy.refuse(true);
    expect(await tallygate.close({ deadlineMs: 500 })).toBe(1);
  });
});

describe('while the counter store does not answer', () => {
  it('deny refuses, and books the unknown charge apart from what was admitted', async () => {
    const tallygate = start({ redis: redis.url, onStoreError: 'deny' });
    expect((await tallygate.quota.consume('denied')).outcome).toBe('admitted');
    redis.kill('SIGSTOP');
    const decision = await tallygate.quota.consume('denied').finally(() => redis.kill('SIGCONT'));
    expect(decision).toMatchObject({ outcome: 'unavailable', allowed: false, limits: [], chargeUnknown: true });
    await tallygate.flush();
    expect(await ledgerOf('denied')).toEqual({ calls: 0, units: 1, unconfirmed: 1 });
  });

  it('allow lets pass without figures, and books what passed as units', async () => {
    const tallygate = start({ redis: redis.url, onStoreError: 'allow' });
    expect((await tallygate.quota.consume('allowed')).outcome).toBe('admitted');
    redis.kill('SIGSTOP');
    const decision = await tallygate.quota.consume('allowed').finally(() => redis.kill('SIGCONT'));
    expect(decision).toMatchObject({ outcome: 'unconfirmed', allowed: true, limits: [] });
    await tallygate.flush();
    expect(await ledgerOf('allowed')).toEqual({ calls: 0, units: 2, unconfirmed: 0 });
  });

  it('a tenant without a hard limit passes under deny too', async () => {
    const plans = { free: [{ name: 'day', window: 'day', limit: 'unlimited' }] } as const;
    const tallygate = start({ redis: redis.url, plans, onStoreError: 'deny' });
    expect((await tallygate.quota.consume('unlimited')).outcome).toBe('admitted');
    redis.kill('SIGSTOP');
    const decision = await tallygate.quota.consume('unlimited').finally(() => redis.kill('SIGCONT'));
    expect(decision).toMatchObject({ outcome: 'unconfirmed', allowed: true });
  });

  it('a counter seeded while the ledger was away too is lifted to the ledger as soon as it answers', async () => {
    const tallygate = start({ redis: redis.url, onStoreError: 'allow' });
    for (let index = 0; index < 3; index += 1) await tallygate.quota.consume('provisional');
    await tallygate.flush();
    const other = start({ redis: redis.url, onStoreError: 'allow' });
    await other.quota.peek('somebody-else');
    proxy.refuse(true);
    await redis.restart();
    // This process never saw the tenant, Redis has forgotten it, and the ledger is away: nobody knows of the three.
    const blind = await until(
      async () => {
        const decision = await other.quota.consume('provisional', { cost: 0 });
        return decision.limits.length > 0 && decision;
      },
      { what: 'Redis again' },
    );
    expect(blind.limits.find(({ name }) => name === 'day')?.used).toBe(0);
    expect((await other.quota.consume('provisional')).outcome).toBe('admitted');
    proxy.refuse(false);
    const used = async () =>
      (await other.quota.consume('provisional')).limits.find(({ name }) => name === 'day')?.used ?? 0;
    // Whether the ledger's word has come: the three, and what was admitted since.
    await until(async () => (await used()) > 3, { what: 'the floor' });
  });
});
