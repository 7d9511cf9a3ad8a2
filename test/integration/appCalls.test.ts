// What an app calls outside of requests, on a real ledger.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTallygate, type Tallygate, type UsageIncrements } from '../../src/index.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';

let database: TestDatabase;
let tallygate: Tallygate;

beforeAll(async () => {
  database = await createMigratedDatabase();
  tallygate = createTallygate({ database: database.url, plans: { free: [{ name: 'day', window: 'day', limit: 60 }] } });
});

afterAll(async () => {
  await tallygate?.close();
  await database?.drop();
});

const today = () => new Date().toISOString().slice(0, 10);

describe('usage.record and usage.query', () => {
  it('meter calls, users and storage on the day on which they happened', async () => {
    const yesterday = new Date(Date.now() - 86_400_000);
    await tallygate.usage.record('recorded', { apiCalls: 3, user: 'u-1', at: yesterday });
    await tallygate.usage.record('recorded', { apiCalls: 2, user: 'u-1' });
    await tallygate.usage.record('recorded', { storageBytes: 1_000, at: yesterday });
    // A read waits for its flush a quarter of a second: enough for most machines, and not what is tested here.
    await tallygate.flush();
    const from = yesterday.toISOString().slice(0, 10);
    const report = await tallygate.usage.query('recorded', { from, to: today() });
    expect(report.totals).toMatchObject({ apiCalls: 5, activeUsers: 1, storageBytes: 1_000 });
    expect(report.daily.map(({ apiCalls, activeUsers }) => ({ apiCalls, activeUsers }))).toEqual([
      { apiCalls: 3, activeUsers: 1 },
      { apiCalls: 2, activeUsers: 1 },
    ]);
  });

  it('a tenant is its text, whether it comes as text, number or bigint', async () => {
    await tallygate.usage.record('42', { apiCalls: 1 });
    await tallygate.usage.record(42, { apiCalls: 1 });
    await tallygate.usage.record(42n, { apiCalls: 1 });
    await tallygate.flush();
    expect((await tallygate.usage.query(42)).totals.apiCalls).toBe(3);
  });

  it.each([
    ['a negative count', { apiCalls: -1 }, 'apiCalls'],
    ['a fraction', { storageBytes: 0.5 }, 'storageBytes'],
    ['a time long past', { apiCalls: 1, at: new Date(0) }, 'at'],
    ['a time far ahead', { apiCalls: 1, at: new Date(Date.now() + 3_600_000) }, 'at'],
    ['no time at all', { apiCalls: 1, at: new Date(Number.NaN) }, 'at'],
    ['a user with a NUL', { user: 'a\0b' }, 'user'],
    ['nothing to meter', {}, 'increments'],
    ['a meter of a later version', { meter: 'tokens', value: 5 }, 'meter'],
  ])('%s is refused, and nothing of it is booked', async (_, increments, location) => {
    await expect(tallygate.usage.record('refused', increments as UsageIncrements)).rejects.toMatchObject({
      code: 'invalid_request',
      faults: expect.arrayContaining([expect.objectContaining({ location })]),
    });
    await expect(tallygate.usage.query('refused')).rejects.toMatchObject({ code: 'tenant_not_found' });
  });
});

describe('quota.consume and quota.peek', () => {
  it('charge and look: a decision is a value, also a denial', async () => {
    expect(await tallygate.quota.consume('consumer', { cost: 59 })).toMatchObject({ outcome: 'admitted', cost: 59 });
    expect(await tallygate.quota.consume('consumer', { cost: 2 })).toMatchObject({ outcome: 'denied', allowed: false });
    expect(await tallygate.quota.consume('consumer', { cost: 61 })).toMatchObject({ outcome: 'cost_exceeds_limit' });
    const { limits } = await tallygate.quota.peek('consumer');
    expect(limits.find(({ name }) => name === 'day')).toMatchObject({ used: 59, remaining: 1 });
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53, '1'])('a cost of %s is refused', async (cost) => {
    await expect(tallygate.quota.consume('consumer', { cost: cost as number })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  it.each([5, '5', null, { costs: 5 }])('%j in place of { cost: 5 } is refused: it would charge 1', async (options) => {
    await expect(tallygate.quota.consume('consumer', options as never)).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  it.each([undefined, null, 5, {}])('a reservation %j is refused, as no id could be', async (id) => {
    const refused = { code: 'invalid_request', faults: [{ location: 'reservationId' }] };
    await expect(tallygate.quota.commit(id as never, 1)).rejects.toMatchObject(refused);
    await expect(tallygate.quota.release(id as never)).rejects.toMatchObject(refused);
  });

  it.each(['', '.', 'a\0', '\ud800', 'x'.repeat(257)])(
    'the tenant %j is refused and reaches no store',
    async (tenant) => {
      await expect(tallygate.quota.consume(tenant)).rejects.toMatchObject({ code: 'invalid_request' });
    },
  );
});
