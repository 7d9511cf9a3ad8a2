// Guarantee 1 with costs that differ: eight installations on one Redis and one ledger, as eight processes are, in one process
// each with its own connections, buffers and knowledge.
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createTallygate, type Decision, type Tallygate } from '../../src/index.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { sharedRedisUrl } from '../servers/redisServer.js';
import { flood } from './serverFleet.js';

const LIMIT = 2_000;
const plans = {
  free: [
    { name: 'minute', window: 'minute', limit: 'unlimited' },
    { name: 'day', window: 'day', limit: 'unlimited' },
    { name: 'month', window: 'month', limit: LIMIT },
  ],
} as const;

let database: TestDatabase;
let processes: Tallygate[];

beforeAll(async () => {
  database = await createMigratedDatabase();
  // No answer of a busy machine may count as none.
  vi.stubEnv('QUOTA_STORE_TIMEOUT_MS', '5000');
  processes = Array.from({ length: 8 }, () =>
    createTallygate({ database: database.url, redis: sharedRedisUrl(), plans }),
  );
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await Promise.all((processes ?? []).map((one) => one.close()));
  await database?.drop();
});

it('each denial was right, nothing is over the limit, and the ledger says what was admitted', async () => {
  // Multiplicative congruence, so that a failure repeats itself.
  let seed = 20261124;
  const cost = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return 1 + (seed % 40);
  };
  // The server may outlive this run, and others use it.
  const tenantId = `eight-${process.pid}-${Date.now()}`;
  const decisions: Decision[] = (
    await Promise.all(processes.map((one) => flood(60, 20, () => one.quota.consume(tenantId, { cost: cost() }))))
  ).flat();

  const monthOf = (decision: Decision) => decision.limits.find(({ name }) => name === 'month');
  const admitted = decisions.filter(({ outcome }) => outcome === 'admitted');
  const denied = decisions.filter(({ outcome }) => outcome === 'denied');
  expect(admitted.length + denied.length).toBe(480);
  expect(denied.length).toBeGreaterThan(100);
  for (const decision of denied) expect((monthOf(decision)?.used ?? 0) + decision.cost).toBeGreaterThan(LIMIT);
  for (const decision of admitted) expect(monthOf(decision)?.used).toBeLessThanOrEqual(LIMIT);
  const sum = admitted.reduce((total, decision) => total + decision.cost, 0);
  expect(sum).toBeLessThanOrEqual(LIMIT);
  // All costs were tried at the end, so what is left is less than the smallest that was refused.
  expect(LIMIT - sum).toBeLessThan(Math.min(...denied.map((decision) => decision.cost)));

  expect(await Promise.all(processes.map((one) => one.close()))).toEqual(Array(8).fill(0));
  const client = new Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query(
    'select sum(units)::int units, sum(denied)::int denied from tallygate.quota_charge where tenant_id = $1',
    [tenantId],
  );
  await client.end();
  expect(rows).toEqual([{ units: sum, denied: denied.length }]);
});
