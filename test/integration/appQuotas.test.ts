// Whose quota holds, as an app sees it: its own resolvePlan, resets, tenants that nobody knows, and a quota that only watches.
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createTallygate, type Tallygate, type TallygateOptions } from '../../src/index.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { until } from '../servers/until.js';

let database: TestDatabase;
let client: pg.Client;
const started: Tallygate[] = [];

beforeAll(async () => {
  database = await createMigratedDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((one) => one.close()));
});
afterAll(async () => {
  await client?.end();
  await database?.drop();
});

const dayOnly = (limit: number) => [{ name: 'day', window: 'day', limit }] as const;

/** One process of an app with a small and a large plan, and counters of its own. */
function app(options: TallygateOptions = {}): Tallygate {
  const plans = { free: dayOnly(2), large: dayOnly(5) };
  const tallygate = createTallygate({ database: database.url, plans, ...options });
  started.push(tallygate);
  return tallygate;
}

const limitOf = async (tallygate: Tallygate, tenantId: string) =>
  (await tallygate.quota.peek(tenantId)).limits.find(({ name }) => name === 'day')?.limit;

test("the app's own plan holds from the first request on, and a change of it within a second", async () => {
  let plan: string | undefined = 'large';
  const tallygate = app({ resolvePlan: async () => plan });
  const first = await tallygate.quota.consume('resolved', { cost: 5 });
  expect([first.outcome, first.limits[0]?.limit]).toEqual(['admitted', 5]);
  plan = undefined;
  const changedAt = performance.now();
  await until(async () => (await limitOf(tallygate, 'resolved')) === 2, { deadlineMs: 5_000 });
  expect(performance.now() - changedAt).toBeLessThan(1_000);
});

test('an app whose resolvePlan hangs holds no request longer than its deadline, and the stored plan holds', async () => {
  const tallygate = app({ resolvePlan: () => new Promise(() => undefined) });
  await tallygate.quota.peek('other');
  const startedAt = performance.now();
  expect(await limitOf(tallygate, 'hanging')).toBe(2);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test('after a reset what was used counts as 0, in other processes within a second, and what is charged then is booked under its number', async () => {
  const [here, there] = [app(), app()];
  for (const one of [here, there]) {
    await one.quota.consume('reset', { cost: 2 });
    expect((await one.quota.consume('reset')).outcome).toBe('denied');
  }
  await here.quota.reset('reset', { reason: 'our outage' });
  const after = await here.quota.consume('reset', { cost: 2 });
  expect([after.outcome, after.label.resetNumber > 0]).toEqual(['admitted', true]);
  const resetAt = performance.now();
  const elsewhere = await until(
    async () => {
      const decision = await there.quota.peek('reset');
      return decision.label.resetNumber === after.label.resetNumber && decision;
    },
    { deadlineMs: 5_000 },
  );
  expect(performance.now() - resetAt).toBeLessThan(1_000);
  expect(elsewhere.allowed).toBe(true);
  await here.flush();
  const { rows } = await client.query(
    `SELECT charge.units::int AS units, reset.reason, reset.author
     FROM tallygate.quota_charge AS charge JOIN tallygate.quota_reset AS reset USING (tenant_id, reset_number)`,
  );
  expect(rows).toEqual([{ units: 2, reason: 'our outage', author: 'app' }]);
  await expect(here.quota.reset('never-seen', { reason: 'x' })).rejects.toMatchObject({ code: 'tenant_not_found' });
  await expect(here.quota.reset('reset', { reason: '' })).rejects.toMatchObject({ code: 'invalid_request' });
});

test('unknown tenants are refused where they are to be, and leave nothing behind', async () => {
  const tallygate = app({
    unknownTenants: 'deny',
    resolvePlan: (tenantId) => (tenantId === 'customer' ? 'large' : undefined),
  });
  const refused = await tallygate.quota.consume('stranger');
  expect(refused).toMatchObject({ outcome: 'unknown_tenant', allowed: false, limits: [] });
  expect((await tallygate.quota.consume('customer')).outcome).toBe('admitted');
  await tallygate.flush();
  await expect(tallygate.usage.query('stranger')).rejects.toMatchObject({ code: 'tenant_not_found' });
});

test('where nothing is enforced every request passes, and what would have been refused is told', async () => {
  const tallygate = app({ enforce: false });
  await tallygate.quota.consume('watched', { cost: 2 });
  const passed = await tallygate.quota.consume('watched');
  expect(passed).toMatchObject({ outcome: 'admitted', allowed: true });
  expect(passed.limits[0]).toMatchObject({ enforce: 'shadow', violated: true, limit: 2 });
});

test('a process that only commits starts by it: what another one reserved is booked', async () => {
  const plans = { free: dayOnly(100) };
  const reserved = await app({ plans }).quota.reserve('elsewhere', { estimate: 10 });
  const worker = app({ plans });
  // Its counters are its own, so it does not know the reservation; the work is metered all the same.
  expect(await worker.quota.commit(reserved.id ?? '', 7)).toBe('unknown');
  await worker.flush();
  const { rows } = await client.query(`select units from tallygate.quota_charge where tenant_id = 'elsewhere'`);
  expect(rows).toEqual([{ units: '7' }]);
  const other = app({ plans });
  expect(await other.quota.release(reserved.id ?? '')).toBe('unknown');
});

test('under an idempotencyKey a call is charged once by a process, and billed once over all of them, its overage too', async () => {
  const plans = { free: [{ name: 'day', window: 'day', limit: 4, enforce: 'soft' }] } as const;
  const [here, there] = [app({ plans }), app({ plans })];
  const asked = { cost: 6, idempotencyKey: 'order 17' };
  const first = await here.quota.consume('keyed', asked);
  const again = await here.quota.consume('keyed', asked);
  expect([first.overage, again.overage, again.limits[0]?.used]).toEqual([2, 2, 6]);
  await expect(here.quota.consume('keyed', { ...asked, cost: 1 })).rejects.toMatchObject({
    code: 'idempotency_conflict',
  });
  // Without Redis the other process cannot know of it: it charges its own counters, and the ledger drops what it books.
  expect((await there.quota.consume('keyed', asked)).allowed).toBe(true);
  await Promise.all([here.flush(), there.flush()]);
  const { rows } = await client.query('SELECT units, overage FROM tallygate.quota_charge WHERE tenant_id = $1', [
    'keyed',
  ]);
  expect(rows.map(({ units, overage }) => [Number(units), Number(overage)])).toEqual([[6, 2]]);
});

test('a reservation under an idempotencyKey is the first one again, and a key that is none is refused', async () => {
  const tallygate = app();
  const asked = { estimate: 2, idempotencyKey: 'job 3' };
  const first = await tallygate.quota.reserve('keyed-job', asked);
  const again = await tallygate.quota.reserve('keyed-job', asked);
  expect([again.allowed, again.id, again.expiresAt]).toEqual([true, first.id, first.expiresAt]);
  expect([await first.commit(1), await again.commit(1)]).toEqual(['committed', 'committed']);
  for (const idempotencyKey of ['', 'k'.repeat(256), JSON.parse('7')]) {
    const fault = { code: 'invalid_request', faults: [{ location: 'idempotencyKey' }] };
    await expect(tallygate.quota.consume('keyed-job', { idempotencyKey })).rejects.toMatchObject(fault);
    await expect(tallygate.quota.reserve('keyed-job', { ...asked, idempotencyKey })).rejects.toMatchObject(fault);
  }
});
