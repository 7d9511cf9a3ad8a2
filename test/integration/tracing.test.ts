// Spans of a whole instance on a real Redis, where requests that come at once are decided by one call.
import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTallygate, type Tallygate } from '../../src/index.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { endSpans, registerSpans } from '../telemetry/spans.js';

// What a busy machine makes late is no matter of this file.
process.env.QUOTA_STORE_TIMEOUT_MS = '5000';
let database: TestDatabase;
let redis: RedisServer;
let tallygate: Tallygate;
// Once, as in an app: the API's tracers stay with the SDK that they met first.
const { spansOf, inRequest } = registerSpans();

beforeAll(async () => {
  [database, redis] = await Promise.all([createMigratedDatabase(), startRedis()]);
  const plans = { free: [{ name: 'day', window: 'day', limit: 30 } as const] };
  tallygate = createTallygate({ database: database.url, redis: redis.url, plans });
  await tallygate.quota.peek('acme');
});

afterAll(async () => {
  endSpans();
  await tallygate?.close();
  await redis?.stop();
  await database?.drop();
});

const decidedFor = (tenantId: string) =>
  spansOf().filter(({ attributes }) => attributes['tallygate.tenant.id'] === tenantId);

it('requests that are decided together each have a span of their own below their own request, and go on in their own context', async () => {
  const storage = new AsyncLocalStorage<number>();
  const requests = Array.from({ length: 40 }, (_, index) =>
    inRequest(`request ${index}`, () =>
      storage.run(index, async () => {
        // A tenant's calls are told apart by their cost.
        await tallygate.quota.consume('acme', { cost: index % 2 });
        expect(storage.getStore()).toBe(index);
      }),
    ),
  );
  const parents = await Promise.all(requests);
  const spans = decidedFor('acme');
  expect(spans).toHaveLength(40);
  expect(new Set(spans.map(({ parentSpanContext }) => parentSpanContext?.spanId))).toEqual(
    new Set(parents.map(({ spanId }) => spanId)),
  );
  for (const { attributes, parentSpanContext } of spans) {
    const index = parents.findIndex(({ spanId }) => spanId === parentSpanContext?.spanId);
    expect(attributes).toMatchObject({
      'tallygate.tenant.id': 'acme',
      'tallygate.cost': index % 2,
      'tallygate.outcome': 'admitted',
      'tallygate.limits': ['day'],
    });
  }
});

it('a denial names the limit that refused', async () => {
  await tallygate.quota.consume('globex', { cost: 30 });
  expect((await tallygate.quota.consume('globex')).outcome).toBe('denied');
  expect(decidedFor('globex').map(({ attributes }) => attributes['tallygate.refused_by'])).toEqual([[], ['day']]);
});
