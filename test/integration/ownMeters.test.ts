// The team's own meters, from what an app or the server is told down to the tables and back.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.js';
import { createTallygate, type Tallygate, type UsageIncrements } from '../../src/index.js';
import { type RunningServer, startServer } from '../../src/server/server.js';
import { composeServer } from '../../src/tallygate.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { newFolder } from '../servers/runFolder.js';

const TOKEN = 'tg_test_meters_0123456789';
const DAY_MS = 86_400_000;
const MOST = Number.MAX_SAFE_INTEGER;
const METERS = { tokens: { kind: 'counter', unit: 'token' }, seats: { kind: 'level', unit: 'seat' } } as const;

let database: TestDatabase;
beforeAll(async () => {
  database = await createMigratedDatabase();
});
afterAll(() => database?.drop());

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

describe('an app', () => {
  let apps: readonly [Tallygate, Tallygate];
  beforeAll(() => {
    const plans = {
      free: [
        { name: 'day', window: 'day', limit: 60 },
        { name: 'tokens-day', window: 'day', limit: 400, meter: 'tokens', enforce: 'soft' },
      ],
    } as const;
    const make = () => createTallygate({ database: database.url, meters: METERS, plans });
    apps = [make(), make()];
  });
  afterAll(() => Promise.all((apps ?? []).map((app) => app.close())));
  const flushed = () => Promise.all(apps.map((app) => app.flush()));

  it('records counters and levels, which a report has by day and in total beside what is always there', async () => {
    const [{ usage }] = apps;
    // The day before yesterday from noon on, so that the level is known for half of that day and all of the next.
    const noon = Math.floor(Date.now() / DAY_MS) * DAY_MS - 1.5 * DAY_MS;
    await usage.record('acme', { apiCalls: 1, meter: 'tokens', value: 500, at: new Date(noon) });
    await usage.record('acme', { meter: 'tokens', value: 20, at: new Date(noon) });
    await usage.record('acme', { meter: 'seats', value: 5, at: new Date(noon) });
    await usage.record('acme', { meter: 'seats', value: 8, at: new Date(noon + DAY_MS) });
    await usage.record('acme', { meter: 'tokens', value: 0 });
    await flushed();
    const period = { from: dateOf(noon), to: dateOf(noon + DAY_MS) };
    const report = await usage.query('acme', period);
    expect(report.meters).toEqual(METERS);
    expect(report.daily).toMatchObject([
      {
        ...{ apiCalls: 1, meters: { tokens: 520, seats: 5 } },
        levels: { seats: { average: 5, peak: 5, last: 5, coverage: 0.5 } },
      },
      { meters: { tokens: 0, seats: 7 }, levels: { seats: { average: 6.5, peak: 8, last: 8, coverage: 1 } } },
    ]);
    expect(report.totals).toMatchObject({ apiCalls: 1, meters: { tokens: 520, seats: 6 } });
  });

  it('may tell the same again under its id, in whatever process: it counts once, its calls too', async () => {
    const at = new Date(Date.now() - DAY_MS);
    const ids = ['job-1', 'ü'.repeat(512), 17];
    for (const { usage } of [...apps, apps[0]]) {
      for (const id of ids)
        await usage.record('once', { apiCalls: 2, meter: 'tokens', value: 30, at, id, user: 'ann' });
      await usage.record('once', { meter: 'seats', value: 5, at, id: 'seats' });
      await flushed();
    }
    // Something else under the id that was used, and the same id of another tenant.
    await apps[1].usage.record('once', { meter: 'tokens', value: 7, id: 'job-1' });
    await apps[1].usage.record('twice', { meter: 'tokens', value: 7, at, id: 'job-1' });
    await flushed();
    const period = { from: dateOf(at.getTime()), to: dateOf(Date.now()) };
    const { totals } = await apps[0].usage.query('once', period);
    expect(totals).toMatchObject({ apiCalls: 6, activeUsers: 1, meters: { tokens: 90, seats: 5 } });
    expect((await apps[0].usage.query('twice', period)).totals.meters?.tokens).toBe(7);
  });

  it('finds what the quota admitted of a meter in its usage, and what was above a soft limit as overage', async () => {
    const [{ quota, usage }] = apps;
    const { allowed } = await quota.consume('charged', { cost: { units: 1, tokens: 500 } });
    await usage.record('charged', { meter: 'tokens', value: 3 });
    await flushed();
    const { totals } = await usage.query('charged');
    expect([allowed, totals.meters?.tokens, totals.overage]).toEqual([true, 503, { tokens: 100 }]);
  });

  it('stays at 2^53-1', async () => {
    for (const value of [MOST, MOST, 1]) await apps[0].usage.record('most', { meter: 'tokens', value });
    await flushed();
    expect((await apps[0].usage.query('most')).totals.meters?.tokens).toBe(MOST);
  });

  it.each([
    ['an unknown meter', { meter: 'rows', value: 1 }, 'meter'],
    ['a meter by the name of what every object has', { meter: 'constructor', value: 1 }, 'meter'],
    ['a meter that is always there', { meter: 'api_calls', value: 1 }, 'meter'],
    ['a meter that is no text', { meter: 5, value: 1 }, 'meter'],
    ['a value of nothing', { value: 1, apiCalls: 1 }, 'meter'],
    ['no value', { meter: 'tokens' }, 'value'],
    ['a negative amount', { meter: 'tokens', value: -1 }, 'value'],
    ['a negative level', { meter: 'seats', value: -1 }, 'value'],
    ['a fraction', { meter: 'tokens', value: 0.5 }, 'value'],
    ['more than 2^53-1', { meter: 'tokens', value: MOST + 1 }, 'value'],
    ['a text', { meter: 'tokens', value: '5' }, 'value'],
    ['36 days back', { meter: 'tokens', value: 1, at: new Date(Date.now() - 36 * DAY_MS) }, 'at'],
    ['an hour ahead', { meter: 'seats', value: 1, at: new Date(Date.now() + 3_600_000) }, 'at'],
    ['an empty id', { meter: 'tokens', value: 1, id: '' }, 'id'],
    ['an id of 2 kB', { meter: 'tokens', value: 1, id: 'x'.repeat(2_048) }, 'id'],
    ['an id with a NUL', { meter: 'tokens', value: 1, id: 'a\0b' }, 'id'],
    ['an id with half a character', { meter: 'tokens', value: 1, id: 'a\ud800' }, 'id'],
    ['an id for a level of storage', { apiCalls: 1, storageBytes: 5, id: 'x' }, 'id'],
    ['an id of a user alone', { user: 'ann', id: 'x' }, 'id'],
  ])('%s is refused by the name of its field, and nothing of it is booked', async (_, increments, location) => {
    const refused = apps[0].usage.record('refused', increments as UsageIncrements);
    await expect(refused).rejects.toMatchObject({
      code: 'invalid_request',
      faults: [expect.objectContaining({ location })],
    });
    await expect(apps[0].usage.query('refused')).rejects.toMatchObject({ code: 'tenant_not_found' });
  });

  it('shows what was metered under a name that is not declared any more', async () => {
    const before = createTallygate({ database: database.url, meters: { old_rows: { kind: 'counter', unit: 'row' } } });
    await before.usage.record('moved', { meter: 'old_rows', value: 9 });
    await before.close();
    const { meters, totals } = await apps[0].usage.query('moved');
    expect(meters).toEqual({ ...METERS, old_rows: { kind: 'counter' } });
    expect(totals.meters).toEqual({ tokens: 0, seats: 0, old_rows: 9 });
  });
});

describe('the server', () => {
  let server: RunningServer;
  beforeAll(async () => {
    const config = readConfig({
      ...{ DATABASE_URL: database.url, ADMIN_TOKEN: TOKEN, PORT: '0', TALLYGATE_DATA_DIR: newFolder('meters') },
      ...{ LOG_LEVEL: 'silent', QUOTA_STORE_TIMEOUT_MS: '5000', USAGE_METERS: 'tokens:counter:token,seats:level:seat' },
    });
    const quiet = () => undefined;
    const parts = composeServer(config, { info: quiet, warn: quiet, error: quiet });
    server = await startServer({ config, parts, print: quiet, onError: quiet });
    await server.ready;
  });
  afterAll(() => server?.stop());

  async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(server.url + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
    });
    return {
      status: response.status,
      json: (await response.json()) as { results: { status: string; code?: string }[] },
    };
  }
  const BATCH = { 'content-type': 'application/cloudevents-batch+json' };
  const event = (id: string, more: object) => ({
    ...{ specversion: '1.0', id, source: '/test', type: 'test.used', subject: 'told' },
    ...more,
  });

  it('takes events of any declared meter, once each, and rejects what it does not know without losing the others', async () => {
    const time = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS - 2 * DAY_MS).toISOString();
    const events = [
      event('e-1', { time, data: { meter: 'tokens', value: 500, user: 'ann' } }),
      event('e-2', { time, data: { meter: 'seats', value: 12 } }),
      event('e-3', { time, data: { value: 2 } }),
      event('e-4', { time, data: { meter: 'rows' } }),
      event('e-5', { time, data: { meter: 'tokens', value: -5 } }),
      event('e-6', { time, data: { meter: 'tokens', value: 2 ** 53 } }),
      event('e-7', { time, data: { meter: 'tok\0ens', value: 1 } }),
      event('x'.repeat(2_048), { time, data: { meter: 'tokens', value: 1 } }),
      event('e-1', { time, data: { meter: 'seats', value: 99 } }),
    ];
    const statuses = async () => {
      const { json } = await send('POST', '/v1/events', events, BATCH);
      return json.results.map(({ status, code }) => code ?? status);
    };
    const rejected = ['unknown_meter', 'invalid_event', 'invalid_event', 'unknown_meter', 'invalid_event'];
    expect(await statuses()).toEqual(['accepted', 'accepted', 'accepted', ...rejected, 'duplicate']);
    expect(await statuses()).toEqual(['duplicate', 'duplicate', 'duplicate', ...rejected, 'duplicate']);
    const day = time.slice(0, 10);
    const { json } = await send('GET', `/api/admin/usage/told?from=${day}&to=${day}`);
    expect(json).toMatchObject({
      totals: { apiCalls: 2, activeUsers: 1, storageBytes: 0, meters: { tokens: 500, seats: 12 } },
      daily: [{ date: day, levels: { seats: { average: 12, coverage: 1 } } }],
      meters: { tokens: { kind: 'counter', unit: 'token' }, seats: { kind: 'level', unit: 'seat' } },
    });
  });

  it('corrects a counter when it is read, keeps it as invoiced, and refuses to correct a level', async () => {
    const path = '/api/admin/usage/corrected';
    await send('PUT', '/api/admin/quotas/corrected', { plan: 'pro' });
    const correct = (key: string, meter: string, delta: number) =>
      send(
        'POST',
        `${path}/adjustments`,
        { date: '2024-02-29', meter, delta, reason: 'x' },
        { 'idempotency-key': key },
      );
    expect((await correct('k-1', 'tokens', 70)).status).toBe(200);
    expect(await correct('k-2', 'seats', 5)).toMatchObject({ status: 400, json: { code: 'invalid_request' } });
    expect((await send('POST', `${path}/periods/2024-02/close`, {})).status).toBe(200);
    await correct('k-3', 'tokens', -100);
    const { json } = await send('GET', `${path}/periods/2024-02`);
    expect(json).toMatchObject({
      asInvoiced: { totals: { meters: { tokens: 70 } } },
      now: { meters: { tokens: 0 }, meterAdjustments: { tokens: { recorded: 0, delta: -30, belowZero: true } } },
      since: { totals: { meters: { tokens: -70 } }, days: [{ date: '2024-02-29' }] },
    });
  });
});
