// What is booked at once, over HTTP down to the tables and back: corrections, events, changes of storage, closed months.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readConfig } from '../../src/config.js';
import { type RunningServer, startServer } from '../../src/server/server.js';
import { composeServer } from '../../src/tallygate.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { newFolder } from '../servers/runFolder.js';
import { until } from '../servers/until.js';

const TOKEN = 'tg_test_booked_0123456789';
const DAY_MS = 86_400_000;
let database: TestDatabase;
let server: RunningServer;

beforeAll(async () => {
  database = await createMigratedDatabase();
  const config = readConfig({
    ...{ DATABASE_URL: database.url, ADMIN_TOKEN: TOKEN, PORT: '0', TALLYGATE_DATA_DIR: newFolder('booked') },
    ...{ LOG_LEVEL: 'silent', QUOTA_STORE_TIMEOUT_MS: '5000' },
  });
  const quiet = () => undefined;
  const parts = composeServer(config, { info: quiet, warn: quiet, error: quiet });
  server = await startServer({ config, parts, print: quiet, onError: quiet });
  await server.ready;
});
afterAll(async () => {
  await server?.stop();
  await database?.drop();
});

/** What the answers of this file hold, each some of it. */
interface Answer {
  readonly code: string;
  readonly at: string;
  readonly results: readonly { readonly status: string; readonly code?: string }[];
  readonly adjustments: readonly unknown[];
  readonly daily: readonly unknown[];
  readonly totals: { readonly storageBytes: number };
  readonly since: unknown;
}

async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(server.url + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
  });
  return { status: response.status, json: (await response.json()) as Answer };
}
const post = (path: string, body: unknown, headers?: Record<string, string>) => send('POST', path, body, headers);
const usage = async (tenant: string, query: string) => (await send('GET', `/api/admin/usage/${tenant}?${query}`)).json;
const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const keyed = (key: string) => ({ 'idempotency-key': key });

const event = (id: string, more: object = {}) => ({
  ...{ specversion: '1.0', id, source: '/test', type: 'test.used', subject: 'events' },
  ...more,
});
const BATCH = { 'content-type': 'application/cloudevents-batch+json' };

it('events count once, each on its own day, whatever is beside them and however they are sent', async () => {
  const [now, back] = [Date.now(), Date.now() - 34 * DAY_MS];
  const late = event('e-2', { time: new Date(back).toISOString(), data: { value: 5, user: 'ann' } });
  const old = event('e-3', { time: new Date(now - 36 * DAY_MS).toISOString() });
  const ahead = event('e-4', { time: new Date(now + 10 * 60_000).toISOString() });
  const sent = [event('e-1', { time: new Date(now).toISOString() }), late, old, ahead, event('e-5', { id: 7 }), late];
  const statuses = async () =>
    (await post('/v1/events', sent, BATCH)).json.results.map((one) => one.code ?? one.status);
  const rejected = ['time_out_of_range', 'time_out_of_range', 'invalid_event'];
  expect(await statuses()).toEqual(['accepted', 'accepted', ...rejected, 'duplicate']);
  expect(await statuses()).toEqual(['duplicate', 'duplicate', ...rejected, 'duplicate']);
  // The same event again, in the other two modes.
  const structured = await post('/v1/events', late, { 'content-type': 'application/cloudevents+json' });
  expect(structured.json.results[0]?.status).toBe('duplicate');
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': 'e-2',
    'ce-source': '/test',
    'ce-type': 't',
    'ce-subject': 'events',
  };
  expect((await post('/v1/events', {}, headers)).json.results[0]?.status).toBe('duplicate');
  const { daily, totals } = await usage('events', `from=${dateOf(back)}&to=${dateOf(now)}`);
  expect(daily[0]).toMatchObject({ apiCalls: 5, activeUsers: 1 });
  expect(totals).toMatchObject({ apiCalls: 6, activeUsers: 1 });
});

it('a correction is in the figures and beside them, once by its key', async () => {
  const date = '2024-02-29';
  const correction = { date, meter: 'api_calls', delta: -7, reason: 'counted twice' };
  const path = '/api/admin/usage/corrected/adjustments';
  expect((await post(path, correction, keyed('k-1'))).json.code).toBe('tenant_not_found');
  await send('PUT', '/api/admin/quotas/corrected', { plan: 'pro' });
  const first = await post(path, correction, keyed('k-1'));
  expect(first).toMatchObject({ status: 200, json: { tenantId: 'corrected', ...correction, author: 'admin' } });
  expect(await post(path, correction, keyed('k-1'))).toEqual(first);
  expect(await post(path, { ...correction, delta: -8 }, keyed('k-1'))).toMatchObject({
    status: 422,
    json: { code: 'idempotency_conflict' },
  });
  await post(path, { ...correction, delta: 10 }, keyed('k-2'));
  const { totals } = await usage('corrected', `from=${date}&to=${date}`);
  expect(totals).toMatchObject({ apiCalls: 3, adjustments: { apiCalls: { recorded: 0, delta: 3, belowZero: false } } });
  const listed = await send('GET', `${path}?from=${date}&to=${date}`);
  expect(listed.json.adjustments).toHaveLength(2);
});

it('a closed month answers what was invoiced, and what came later stands apart', async () => {
  const path = '/api/admin/usage/closed/periods/2024-02';
  await send('PUT', '/api/admin/quotas/closed', { plan: 'pro' });
  const correction = { date: '2024-02-29', meter: 'api_calls', delta: 100, reason: 'imported' };
  await post('/api/admin/usage/closed/adjustments', correction, keyed('k-1'));
  expect((await send('GET', path)).json).toMatchObject({ closed: null, now: { apiCalls: 100 } });
  expect((await post(`${path}/close`, {})).json).toMatchObject({ asInvoiced: { totals: { apiCalls: 100 } } });
  await post('/api/admin/usage/closed/adjustments', { ...correction, delta: -30, reason: 'refund' }, keyed('k-2'));
  const { json } = await post(`${path}/close`, {});
  expect(json).toMatchObject({ asInvoiced: { totals: { apiCalls: 100 } }, now: { apiCalls: 70 } });
  expect(json.since).toMatchObject({ totals: { apiCalls: -30 }, days: [{ date: '2024-02-29' }] });
  expect(await usage('closed', 'from=2024-02-01&to=2024-02-29')).toMatchObject({
    ...{ totals: { apiCalls: 70 }, closedMonths: ['2024-02'] },
  });
  expect((await post(`${path.replace('2024-02', dateOf(Date.now()).slice(0, 7))}/close`, {})).status).toBe(400);
});

it('storage that is set and changed, in any order, has an average, a peak and a last level', async () => {
  const start = Math.floor(Date.now() / DAY_MS) * DAY_MS - 3 * DAY_MS;
  const at = (hour: number) => new Date(start + hour * 3_600_000).toISOString();
  const path = '/api/admin/usage/stored/storage';
  const added = await post(path, { add: -40, at: at(18) }, keyed('k-2'));
  expect(added).toMatchObject({ status: 200, json: { tenantId: 'stored', add: -40, at: at(18) } });
  expect((await post(path, { add: 100, at: at(12) }, keyed('k-1'))).status).toBe(200);
  expect((await post(path, { set: 60, at: at(0) })).status).toBe(202);
  // The same keys again: the same answers, and nothing more; without a time too.
  expect(await post(path, { add: -40, at: at(18) }, keyed('k-2'))).toEqual(added);
  expect((await post(path, { add: -41, at: at(18) }, keyed('k-2'))).status).toBe(422);
  const day = `from=${dateOf(start)}&to=${dateOf(start)}`;
  const bytes = async (query: string) => (await usage('stored', query)).totals.storageBytes;
  // The level that was set travels with the next flush.
  const average = (60 * 12 + 160 * 6 + 120 * 6) / 24;
  await until(async () => (await bytes(day)) === average, { what: 'the set level is in the ledger' });
  expect(await bytes(`${day}&storage=peak`)).toBe(160);
  expect(await bytes(`${day}&storage=last`)).toBe(120);
  // Today goes on from there: its points are read apart from the rows.
  const now = await post(path, { add: 5 }, keyed('k-3'));
  expect(await post(path, { add: 5 }, keyed('k-3'))).toEqual(now);
  await send('GET', '/api/admin/usage/stored');
  const today = dateOf(Date.parse(now.json.at));
  expect(await bytes(`from=${today}&to=${today}&storage=last`)).toBe(125);
});
