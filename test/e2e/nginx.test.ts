// The example of a gateway as it is shipped, with a real nginx before an app that knows nothing of quotas.
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../src/config.js';
import { type RunningServer, startServer } from '../../src/server/server.js';
import { composeServer } from '../../src/tallygate.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { freePort } from '../servers/freePort.js';
import { type Nginx, startNginx } from '../servers/nginx.js';
import { newFolder } from '../servers/runFolder.js';
import { until } from '../servers/until.js';

const ROOT = resolve(__dirname, '../..');
const TOKEN = 'tg_test_gateway_0123456789';
const PER_DAY = 20;
const FORMS = ['tallygate.conf', 'tallygate-by-status.conf'];

/** What reached the app. */
interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly tenant: unknown;
  readonly apiKey: unknown;
  readonly body: string;
}

const seen: Seen[] = [];
let app: Server;

beforeAll(async () => {
  // Answers with the status that its path names.
  app = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    const { 'x-tenant-id': tenant, 'x-api-key': apiKey } = req.headers;
    seen.push({ method: req.method, url: req.url, tenant, apiKey, body });
    const status = Number(/^\/status\/(\d{3})/.exec(req.url ?? '')?.[1] ?? 200);
    res.writeHead(status, { 'Content-Type': 'text/plain', 'X-App': 'yes' }).end(`app: ${status}`);
  });
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  app?.closeAllConnections();
  app?.close();
});

async function startTallygate(database: TestDatabase, env: Readonly<Record<string, string>> = {}) {
  const config = readConfig({
    DATABASE_URL: database.url,
    ADMIN_TOKEN: TOKEN,
    PORT: '0',
    TENANT_HEADER: 'X-Tenant-Id',
    TALLYGATE_DATA_DIR: newFolder('gateway'),
    QUOTA_FREE_PER_MINUTE: 'unlimited',
    QUOTA_FREE_PER_DAY: String(PER_DAY),
    ...env,
  });
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const parts = composeServer(config, log);
  const server = await startServer({ config, parts, print: () => undefined, onError: () => undefined });
  await server.ready;
  return server;
}

/** The example before the app and `tallygate`; each of its three addresses must be there, once. */
async function startGateway(form: string, tallygatePort: number, token = TOKEN) {
  const port = await freePort();
  let http = readFileSync(join(ROOT, 'examples/nginx', form), 'utf8');
  const addresses = { 3000: tallygatePort, 8080: (app.address() as AddressInfo).port, 8000: port };
  for (const [shown, real] of Object.entries(addresses)) {
    expect(http.split(`127.0.0.1:${shown};`)).toHaveLength(2);
    http = http.replace(`127.0.0.1:${shown};`, `127.0.0.1:${real};`);
  }
  const nginx = await startNginx(http, port, {
    'tallygate-token.conf': `proxy_set_header X-Tallygate-Token "${token}";\n`,
  });
  const send = async (key: string, path = '/', init: RequestInit = {}) => {
    const headers = { 'X-Api-Key': key, ...(init.headers as Record<string, string> | undefined) };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { nginx, send };
}

describe.each(FORMS)('nginx by %s', (form) => {
  let database: TestDatabase;
  let tallygate: RunningServer;
  let nginx: Nginx;
  let send: Awaited<ReturnType<typeof startGateway>>['send'];

  // A machine without nginx gets one here.
  beforeAll(async () => {
    seen.length = 0;
    database = await createMigratedDatabase();
    tallygate = await startTallygate(database);
    ({ nginx, send } = await startGateway(form, tallygate.port));
  }, 240_000);

  afterAll(async () => {
    await nginx?.stop();
    await tallygate?.stop();
    await database?.drop();
  });

  const appSaw = (tenant: string) => seen.filter((one) => one.tenant === tenant).length;
  /** What reached the app is what is metered; a read waits at most 250 ms for the flush. */
  const metered = (tenant: string) =>
    until(async () => (await callsOf(tenant)) === appSaw(tenant), {
      what: `${appSaw(tenant)} calls of ${tenant} are metered`,
    });
  const callsOf = async (tenant: string) => {
    const response = await fetch(`${tallygate.url}/api/admin/usage/${tenant}`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const body = (await response.json()) as { totals?: { apiCalls: number } };
    expect([response.status, body]).toEqual([200, expect.objectContaining({ totals: expect.anything() })]);
    return body.totals?.apiCalls ?? 0;
  };

  it('admits exactly the quota of requests that come at once, answers 429 above it, and meters what passed', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => send('key-of-acme', `/page/${index}`)));
    const passed = answers.filter(({ status }) => status === 200);
    const denied = answers.filter(({ status }) => status === 429);
    expect([passed.length, denied.length]).toEqual([PER_DAY, 30]);
    expect(appSaw('acme')).toBe(PER_DAY);
    expect(passed.map(({ headers }) => Number(headers.get('x-ratelimit-remaining-day'))).sort((a, b) => a - b)).toEqual(
      Array.from({ length: PER_DAY }, (_, left) => left),
    );
    for (const { headers } of passed) {
      expect([headers.get('x-ratelimit-limit-day'), headers.get('retry-after')]).toEqual(['20', null]);
      expect(headers.get('ratelimit')).toMatch(/^"day";r=\d+;t=\d+$/);
      expect(headers.get('ratelimit-policy')).toBe('"day";q=20;w=86400');
    }
    for (const { headers, text } of denied) {
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(86_400);
      expect([headers.get('x-ratelimit-limit-day'), headers.get('x-ratelimit-remaining-day')]).toEqual(['20', '0']);
      expect([headers.get('content-type'), headers.get('cache-control')]).toEqual([
        'application/problem+json',
        'no-store',
      ]);
      expect(JSON.parse(text)).toMatchObject({ status: 429 });
    }
    await metered('acme');
    // What each denial costs a log: nothing in the recommended form, a line in the other.
    const errors = nginx.errors().match(/auth request unexpected status: 429/g) ?? [];
    expect(errors).toHaveLength(form === 'tallygate.conf' ? 0 : 30);
  });

  it('denies whatever the method and the path: a file of another type, a body', async () => {
    for (const [path, method] of [
      ['/picture.png', 'GET'],
      ['/orders', 'POST'],
      ['/orders/1', 'DELETE'],
    ] as const) {
      const { status, headers } = await send('key-of-acme', path, { method, ...(method === 'POST' && { body: 'x' }) });
      expect([path, status, headers.get('content-type')]).toEqual([path, 429, 'application/problem+json']);
    }
  });

  it("leaves the app's own refusals and faults as they are", async () => {
    for (const own of [401, 403, 404, 429, 500, 503]) {
      const { status, headers, text } = await send('key-of-globex', `/status/${own}`);
      expect([status, text, headers.get('x-app'), headers.get('retry-after')]).toEqual([
        own,
        `app: ${own}`,
        'yes',
        null,
      ]);
    }
  });

  it('hands a body on whole, with and without an announced length', async () => {
    const body = 'x'.repeat(100_000);
    const chunked = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('in '));
        controller.enqueue(new TextEncoder().encode('parts'));
        controller.close();
      },
    });
    const post = { method: 'POST', headers: { 'Content-Type': 'text/plain' } };
    expect((await send('key-of-globex', '/whole', { ...post, body })).status).toBe(200);
    const init = { ...post, body: chunked, duplex: 'half' } as RequestInit;
    expect((await send('key-of-globex', '/parts?of=it', init)).status).toBe(200);
    expect(seen.slice(-2)).toMatchObject([
      { method: 'POST', url: '/whole', tenant: 'globex', body },
      { method: 'POST', url: '/parts?of=it', tenant: 'globex', body: 'in parts' },
    ]);
  });

  it('believes no client that names a tenant, brings a token or asks for nothing to be denied', async () => {
    const before = appSaw('globex');
    const headers = { 'X-Tenant-Id': 'acme', 'X-Tallygate-Token': 'of-the-client', Authorization: 'Bearer of-the-app' };
    expect((await send('key-of-globex', '/_tallygate', { headers })).status).toBe(404);
    expect((await send('key-of-globex', '/own?deny=none', { headers })).status).toBe(200);
    expect(seen.at(-1)).toMatchObject({ url: '/own?deny=none', tenant: 'globex' });
    expect((await send('key-of-nobody', '/', { headers })).status).toBe(401);
    expect([appSaw('globex'), appSaw('acme')]).toEqual([before + 1, PER_DAY]);
    await metered('globex');
  });
});

describe.each(FORMS)('nginx by %s lets nothing through', (form) => {
  async function behind(tallygatePort: number, token?: string) {
    const before = seen.length;
    const { nginx, send } = await startGateway(form, tallygatePort, token);
    onTestFinished(() => nginx.stop());
    return { send, reachedApp: () => seen.length - before };
  }

  async function startedTallygate(env: Readonly<Record<string, string>> = {}) {
    const database = await createMigratedDatabase();
    onTestFinished(() => database.drop());
    const tallygate = await startTallygate(database, env);
    onTestFinished(async () => void (await tallygate.stop()));
    return tallygate;
  }

  it('where nobody answers at the place of Tallygate', async () => {
    const { send, reachedApp } = await behind(await freePort());
    expect((await send('key-of-acme')).status).toBe(500);
    expect(reachedApp()).toBe(0);
  });

  it('with a token that Tallygate refuses', async () => {
    const { send, reachedApp } = await behind((await startedTallygate()).port, 'wrong');
    expect((await send('key-of-acme')).status).toBe(401);
    expect(reachedApp()).toBe(0);
  });

  it('of a tenant that Tallygate does not know, and says that this is no quota', async () => {
    const { send, reachedApp } = await behind((await startedTallygate({ UNKNOWN_TENANTS: 'deny' })).port);
    const { status, headers } = await send('key-of-acme');
    expect([status, headers.get('retry-after')]).toEqual([403, null]);
    expect(reachedApp()).toBe(0);
  });
});
