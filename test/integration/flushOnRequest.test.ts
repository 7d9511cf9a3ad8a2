// `flush: 'request'`: what is booked goes to the ledger at once, for processes that stand still or vanish after a response.
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { createTallygate, type Tallygate } from '../../src/index.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { until } from '../servers/until.js';

let database: TestDatabase;
let tallygate: Tallygate | undefined;

beforeAll(async () => {
  database = await createMigratedDatabase();
});
afterEach(async () => {
  await tallygate?.close();
  vi.unstubAllEnvs();
});
afterAll(() => database?.drop());

async function callsInLedger(): Promise<number> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query('select coalesce(sum(api_calls), 0)::int as calls from tallygate.tenant_usage');
    return rows[0].calls;
  } finally {
    await client.end();
  }
}

it('usage is in the ledger without a flush that anybody asked for, long before the interval', async () => {
  vi.stubEnv('USAGE_METER_FLUSH_INTERVAL_MS', '3600000');
  tallygate = createTallygate({ database: database.url, flush: 'request' });
  for (let calls = 1; calls <= 3; calls += 1) {
    await tallygate.usage.record('prompt', { apiCalls: 1 });
    await until(async () => (await callsInLedger()) === calls, { deadlineMs: 30_000, what: `${calls} calls` });
  }
});

it('any other word is refused, with those that are known', () => {
  const flush = 'sometimes' as 'request';
  expect(() => createTallygate({ database: database.url, flush })).toThrow(/flush: expected "interval" or "request"/);
});
