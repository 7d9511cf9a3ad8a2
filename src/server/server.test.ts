import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { decision as made } from '../../test/quota/decisions.js';
import { TallygateError } from '../core/errors.js';
import { DEFAULT_PLANS } from '../core/quota/plans.js';
import { createAdmit, type Decision } from '../http/admit.js';
import { createResolvers } from '../http/tenantOf.js';
import { createMetrics } from '../telemetry/metrics.js';
import { type ServerConfig, type ServerParts, startServer } from './server.js';

const decision = (tenantId: string): Decision => made({ tenantId, limits: [] });

/** A promise that the test settles. */
function deferred<Value>() {
  let resolve: (value: Value) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

async function started(config: Partial<ServerConfig> = {}, more: Partial<ServerParts> = {}) {
  const state = { ready: true, waitingFor: undefined as string | undefined, degraded: [] as string[] };
  const lines: string[] = [];
  const onError = vi.fn();
  const decide = vi.fn((tenantId: string): Decision | Promise<Decision> => decision(tenantId));
  const notHere = () => {
    throw new Error('not in this test');
  };
  const metering = { recordCall: () => undefined, recordUser: () => undefined };
  const charging = { decide, ...metering, admit: createAdmit('both'), meters: new Map() };
  const tenantHeader = 'x-tenant-id';
  const parts: ServerParts = {
    consume: charging,
    reservations: {
      ...charging,
      reservations: { reserve: notHere, commit: notHere, release: notHere },
    },
    authorize: { ...charging, tenantHeader, tenantOf: createResolvers({ tenantHeader }).tenantOf },
    events: { bookEvents: notHere },
    admin: {
      queryUsage: async (tenantId) => ({ tenantId }),
      quotas: {
        replace: notHere,
        merge: notHere,
        reset: notHere,
        remove: () => Promise.reject(new RangeError('a bug')),
      },
      heldQuotaOf: notHere,
      resolvedPlanOf: notHere,
      readDenials: () => [],
      process: { host: 'web-1', pid: 17, since: new Date(0) },
      look: decide,
      hasUsage: async () => false,
      recordStorage: () => undefined,
      addStorage: notHere,
      adjustments: { adjust: notHere, list: notHere },
      closedPeriods: { close: notHere, read: notHere },
      nowMs: () => 0,
      plans: DEFAULT_PLANS,
      defaultPlan: 'free',
    },
    metrics: createMetrics(),
    readiness: () => state,
    keptToken: () => ({ token: 'tg_kept', made: true }),
    start: async () => undefined,
    close: async () => 0,
    ...more,
  };
  const server = await startServer({
    config: {
      host: '127.0.0.1',
      port: 0,
      adminToken: undefined,
      dataDir: '/srv/data',
      metricsPublic: false,
      database: undefined,
      redis: undefined,
      ...config,
    },
    parts,
    print: (line) => lines.push(line),
    onError,
  });
  onTestFinished(async () => void (await server.stop(0)));
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(server.url + path, init);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: () => JSON.parse(text) as Record<string, unknown>,
    };
  };
  const consume = (headers: Record<string, string> = {}) =>
    get('/v1/consume', {
      method: 'POST',
      body: '{"tenant":"try-me"}',
      headers: { authorization: 'Bearer tg_kept', 'content-type': 'application/json', ...headers },
    });
  return { server, state, lines, onError, decide, get, consume };
}

describe('the server at its start', () => {
  it('prints the real address, the stores, the new token and a curl line, in this order', async () => {
    const { server, lines } = await started();
    expect(server.port).toBeGreaterThan(0);
    expect(lines[0]).toBe(`Tallygate listens on ${server.url}`);
    expect(lines[1]).toMatch(/^Stores: /);
    expect(lines[2]).toContain('tg_kept');
    expect(lines[3]).toContain(`${server.url}/v1/consume`);
    expect(lines).toHaveLength(4);
  });

  it('makes no token where one is in the environment, and never prints that', async () => {
    const keptToken = vi.fn();
    const { lines, consume } = await started({ adminToken: 'from-the-environment' }, { keptToken });
    expect(keptToken).not.toHaveBeenCalled();
    expect(lines.join()).not.toContain('from-the-environment');
    expect((await consume({ authorization: 'Bearer from-the-environment' })).status).toBe(200);
  });

  it('refuses a port in use in one line that names it, and makes no token', async () => {
    const { server } = await started();
    const keptToken = vi.fn();
    const second = started({ port: server.port }, { keptToken });
    await expect(second).rejects.toThrow(TallygateError);
    await expect(second).rejects.toThrow(
      new RegExp(`^PORT: port ${server.port} on 127.0.0.1 is in use; choose another with PORT=$`),
    );
    expect(keptToken).not.toHaveBeenCalled();
  });

  it('stops listening again where the token cannot be had', async () => {
    const error = new TallygateError('invalid_configuration', 'admin-token: expected a token');
    const keptToken = () => {
      throw error;
    };
    await expect(started({}, { keptToken })).rejects.toBe(error);
  });

  it('lets requests wait until it is ready, also those that came before', async () => {
    const opening = deferred<void>();
    const { server, state, get, consume, decide } = await started({}, { start: () => opening.promise });
    Object.assign(state, { ready: false, waitingFor: 'the ledger: connection refused' });
    const early = consume();
    // Without a token nobody waits: else anyone could fill the gate.
    expect((await consume({ authorization: 'Bearer wrong' })).status).toBe(401);
    const readyz = await get('/readyz');
    expect([readyz.status, readyz.json().code, readyz.json().detail]).toEqual([
      503,
      'not_ready',
      'Waiting for the ledger: connection refused.',
    ]);
    Object.assign(state, { waitingFor: 'the tables: Run it.' });
    expect((await get('/readyz')).json().detail).toBe('Waiting for the tables: Run it.');
    expect((await get('/livez')).status).toBe(200);
    expect(decide).not.toHaveBeenCalled();
    opening.resolve();
    await server.ready;
    expect((await early).status).toBe(200);
  });

  it('refuses requests, and says so to whoever started it, where it can never be ready', async () => {
    const error = new TallygateError('ledger_mismatch', 'another schema');
    const { server, consume } = await started({}, { start: () => Promise.reject(error) });
    await expect(server.ready).rejects.toBe(error);
    expect((await consume()).status).toBe(503);
  });
});

describe('the routes of the server', () => {
  it('need the token but for health and the page that says what this is', async () => {
    const { get } = await started();
    for (const path of ['/', '/livez', '/readyz']) expect((await get(path)).status).toBe(200);
    for (const path of ['/metrics', '/v1/consume', '/v1/nothing', '/api/admin/usage/a', '/api/admin/quotas/%zz']) {
      const { status, headers, json } = await get(path);
      expect([path, status, json().code]).toEqual([path, 401, 'unauthenticated']);
      expect(headers.get('www-authenticate')).toMatch(/^Bearer/);
    }
  });

  it('serve metrics with the token, or without where they are public', async () => {
    const { get } = await started();
    const { status, headers, text } = await get('/metrics', { headers: { authorization: 'Bearer tg_kept' } });
    expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')]);
    expect(text).toContain('tallygate_decisions_total');
    expect((await (await started({ metricsPublic: true })).get('/metrics')).status).toBe(200);
  });

  it('stay up with stores that were lost later, and say so', async () => {
    const { get, state } = await started();
    state.degraded.push('ledger', 'counter_store');
    const { status, json } = await get('/readyz');
    expect([status, json()]).toEqual([200, { status: 'degraded', degraded: ['ledger', 'counter_store'] }]);
  });

  it('answer an unknown one with a 404 problem, with the id of the request in body and header', async () => {
    const { get } = await started();
    const { status, headers, json } = await get('/nothing', { headers: { 'x-request-id': 'edge-1' } });
    expect([status, json().code, json().requestId, headers.get('x-request-id')]).toEqual([
      404,
      'not_found',
      'edge-1',
      'edge-1',
    ]);
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('promise no HTTPS, which a server of plain HTTP does not speak', async () => {
    const { headers } = await (await started()).get('/');
    expect(headers.get('strict-transport-security')).toBeNull();
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests');
  });

  it("refuse a path that cannot be decoded, which is the client's fault and no line of the log", async () => {
    const { get, onError } = await started();
    const asked = { method: 'DELETE', headers: { authorization: 'Bearer tg_kept' } };
    for (const id of ['%zz', '%ED%A0%80']) {
      const { status, json } = await get(`/v1/reservations/${id}`, asked);
      expect([status, json().code, json().errors]).toMatchObject([400, 'invalid_request', [{ location: 'path.id' }]]);
    }
    expect(onError).not.toHaveBeenCalled();
  });

  it('answer a bug with a 500 that says nothing of it, and tell the log', async () => {
    const { get, onError } = await started();
    const { status, text } = await get('/api/admin/quotas/a', {
      method: 'DELETE',
      headers: { authorization: 'Bearer tg_kept' },
    });
    expect(status).toBe(500);
    expect(text).not.toContain('a bug');
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.any(RangeError), expect.any(String));
  });
});

describe('/v1/authorize of the server', () => {
  const asking = (more: Record<string, string> = {}) => ({
    headers: { 'X-Tenant-Id': 'acme', 'X-Tallygate-Token': 'tg_kept', ...more },
  });

  it('takes every method and any path below it: a gateway asks with what its client sent', async () => {
    const { get, decide } = await started();
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      expect([method, (await get('/v1/authorize', { method, ...asking() })).status]).toEqual([method, 200]);
    }
    for (const path of ['/', '/orders/17?page=2', '/%zz', '//', '/v1/consume', '?deny=403']) {
      expect([path, (await get(`/v1/authorize${path}`, asking())).status]).toEqual([path, 200]);
    }
    expect(decide).toHaveBeenCalledTimes(14);
    for (const path of ['/v1/authorized', '/V1/authorize']) {
      expect((await get(path, { headers: { authorization: 'Bearer tg_kept' } })).status).toBe(404);
    }
  });

  it("takes its own token before Authorization, which is the client's for the app behind", async () => {
    const { get, decide } = await started();
    const status = async (headers: Record<string, string>) =>
      (await get('/v1/authorize', { headers: { 'X-Tenant-Id': 'acme', ...headers } })).status;
    expect(await status({ 'X-Tallygate-Token': 'tg_kept', authorization: 'Bearer of-the-client' })).toBe(200);
    expect(await status({ authorization: 'Bearer tg_kept' })).toBe(200);
    expect(decide).toHaveBeenCalledTimes(2);
    expect(await status({ 'X-Tallygate-Token': 'wrong', authorization: 'Bearer tg_kept' })).toBe(401);
    expect(await status({ 'X-Tallygate-Token': '', authorization: 'Bearer tg_kept' })).toBe(401);
    expect(await status({ authorization: 'Bearer of-the-client' })).toBe(401);
    expect(await status({})).toBe(401);
    expect(decide).toHaveBeenCalledTimes(2);
  });

  it('waits for the start as every route does', async () => {
    const opening = deferred<void>();
    const { server, get, decide } = await started({}, { start: () => opening.promise });
    const early = get('/v1/authorize', asking());
    expect((await get('/livez')).status).toBe(200);
    expect(decide).not.toHaveBeenCalled();
    opening.resolve();
    await server.ready;
    expect((await early).status).toBe(200);
  });

  it('is the only route that its token opens', async () => {
    const { get } = await started();
    for (const path of ['/v1/consume', '/metrics', '/api/admin/denials'])
      expect([path, (await get(path, asking())).status]).toEqual([path, 401]);
    expect((await get('/api/admin/denials', { headers: { authorization: 'Bearer tg_kept' } })).json()).toMatchObject({
      scope: 'process',
      denials: [],
    });
  });
});

describe('the server at its end', () => {
  it('finishes requests before it closes the stores, and takes no new ones', async () => {
    const deciding = deferred<Decision>();
    const close = vi.fn(async (_deadlineMs: number) => 3);
    const { server, decide, consume } = await started({}, { close });
    decide.mockReturnValue(deciding.promise);
    const inFlight = consume();
    await vi.waitFor(() => expect(decide).toHaveBeenCalledOnce());
    const stopped = server.stop();
    await expect(consume()).rejects.toThrow();
    expect(close).not.toHaveBeenCalled();
    deciding.resolve(decision('try-me'));
    const response = await inFlight;
    expect([response.status, response.headers.get('connection')]).toEqual([200, 'close']);
    expect(await stopped).toBe(3);
    expect(await server.stop()).toBe(3);
    expect(close).toHaveBeenCalledOnce();
    expect(close.mock.calls[0]?.[0]).toBeGreaterThan(5_000);
  });

  // Sooner than Node's own keep-alive timeout of 5 s.
  it('closes kept-alive connections that are idle', { timeout: 4_000 }, async () => {
    const { server } = await started();
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    await new Promise<void>((resolve) => {
      request(`${server.url}/livez`, { agent }, (res) => res.resume().on('end', resolve)).end();
    });
    await server.stop(60_000);
  });

  it('cuts off what does not finish within half of its deadline', async () => {
    const { server, decide, consume } = await started();
    decide.mockReturnValue(new Promise(() => undefined));
    const hanging = consume();
    hanging.catch(() => undefined);
    await vi.waitFor(() => expect(decide).toHaveBeenCalledOnce());
    expect(await server.stop(100)).toBe(0);
    await expect(hanging).rejects.toThrow();
  });

  it('is not held up by a client that sends nothing', async () => {
    const { server } = await started();
    const socket = connect(server.port, '127.0.0.1');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write('POST /v1/consume HTTP/1.1\r\nHost: a\r\n');
    await server.stop(200);
    await closed;
  });
});
