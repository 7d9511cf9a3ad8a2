import { request } from 'node:http';
import express from 'express';
import { describe, expect, it, vi } from 'vitest';
import { listening } from '../../test/http/listening.js';
import { bearerAuth } from '../auth/bearerAuth.js';
import { TallygateError } from '../core/errors.js';
import { DEFAULT_PLANS } from '../core/quota/plans.js';
import type { Decision } from '../http/admit.js';
import { invalidRequest, tenantNotFound } from '../http/faults.js';
import type { TenantQuota } from '../services/usage/quotaService.js';
import { type AdminRoutesParts, createAdminRoutes } from './adminRoutes.js';

const NOW = Date.UTC(2026, 10, 24, 12);

const quota = (hasSetting: boolean): TenantQuota => ({
  plan: 'free',
  planSource: 'default',
  hasSetting,
  known: hasSetting,
  resetNumber: 0,
  version: 1,
  validUntilMs: Number.POSITIVE_INFINITY,
  calendar: { timeZone: 'UTC', billingAnchorDay: 1, earlier: [] },
  limits: [
    { name: 'minute', limit: 60, window: 'minute', source: 'default', enforce: 'hard' },
    { name: 'day', limit: 'unlimited', window: 'day', source: 'override', enforce: 'hard' },
  ],
});

const STATE = { enforce: 'hard', startMs: NOW, held: 0, violated: false, fitsAtMs: 0 } as const;

const look = (tenantId: string, used: number): Decision => ({
  outcome: 'admitted',
  allowed: true,
  tenantId,
  cost: 0,
  label: { decidedAtMs: NOW, usageDate: '2026-11-24', resetNumber: 0 },
  limits: [
    { ...STATE, name: 'minute', limit: 60, used, remaining: 60 - used, resetAtMs: NOW + 60_000 },
    { ...STATE, name: 'day', limit: undefined, used, remaining: undefined, resetAtMs: NOW + 43_200_000 },
  ],
  exceeded: [],
  chargeUnknown: false,
  meterCosts: [],
  overage: 0,
  meterOverages: [],
  isReservation: false,
  settingsVersion: 1,
  crossed: [],
});

const notHere = () => Promise.reject(new Error('not in this test'));

function fakeParts() {
  return {
    queryUsage: vi.fn(
      async (tenantId: string, period: unknown, _storage: unknown): Promise<object> => ({ tenantId, period }),
    ),
    quotas: {
      replace: vi.fn(async (_tenantId: string, _patch: unknown) => quota(true)),
      merge: vi.fn(async (_tenantId: string, _patch: unknown) => quota(true)),
      remove: vi.fn(async (_tenantId: string) => quota(false)),
      reset: vi.fn(async (_tenantId: string, _reset: unknown) => quota(true)),
    },
    heldQuotaOf: vi.fn((_tenantId: string): TenantQuota | Promise<TenantQuota> => quota(true)),
    resolvedPlanOf: vi.fn((_tenantId: string): string | undefined => undefined),
    look: vi.fn((tenantId: string) => look(tenantId, 1)),
    hasUsage: vi.fn(async () => false),
    readDenials: vi.fn(() => []),
    process: { host: 'web-1', pid: 7, since: new Date(NOW) },
    recordStorage: vi.fn(),
    addStorage: vi.fn(async (_tenantId: string, _change: unknown) => NOW),
    adjustments: { adjust: vi.fn(notHere), list: vi.fn(notHere) },
    closedPeriods: { close: vi.fn(notHere), read: vi.fn(notHere) },
    nowMs: () => NOW,
    plans: new Map(DEFAULT_PLANS),
    defaultPlan: 'free',
    onError: vi.fn(),
  } satisfies AdminRoutesParts;
}

async function mounted(parsers: express.RequestHandler[] = []) {
  const parts = fakeParts();
  const app = express();
  app.use(...parsers, (_req, _res, next) => next());
  app.use('/api/admin', createAdminRoutes(parts, { authenticate: bearerAuth('secret') }));
  const base = await listening(app);
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const text = typeof body === 'string' ? body : body === undefined ? null : JSON.stringify(body);
    const type: Record<string, string> = text === null ? {} : { 'content-type': 'application/json' };
    const response = await fetch(`${base}/api/admin${path}`, {
      method,
      body: text,
      headers: { authorization: 'Bearer secret', ...type, ...headers },
    });
    return {
      status: response.status,
      headers: response.headers,
      json: (await response.json()) as Record<string, unknown>,
    };
  };
  return { parts, send, base };
}

const locations = (json: Record<string, unknown>) =>
  (json.errors as { location: string }[]).map((one) => one.location).sort();

describe('authentication', () => {
  it.each([undefined, '', 'secret', 'Bearer', 'Bearer wrong', 'Basic secret', 'Bearer secret2'])(
    'answers %j with a 401 and a challenge, before any validation',
    async (authorization) => {
      const { base, parts } = await mounted();
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      for (const path of ['/usage/..?from=x', '/usage/%zz', '/quotas/a', '/nothing']) {
        const response = await fetch(`${base}/api/admin${path}`, { headers });
        expect(response.status).toBe(401);
        expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
        expect(response.headers.get('content-type')).toContain('application/problem+json');
      }
      expect(parts.queryUsage).not.toHaveBeenCalled();
    },
  );

  it('has no default: without authenticate nothing is mounted', () => {
    // @ts-expect-error: what a JavaScript caller may do
    expect(() => createAdminRoutes(fakeParts(), {})).toThrow(TallygateError);
    // @ts-expect-error: the same, without any options
    expect(() => createAdminRoutes(fakeParts())).toThrow(/authenticate/);
  });
});

describe('GET /usage/:tenantId', () => {
  it('asks for another figure of storage where one is named, and for no unknown one', async () => {
    const { send, parts } = await mounted();
    for (const figure of ['peak', 'last', 'average']) {
      await send('GET', `/usage/acme?storage=${figure}`);
      expect(parts.queryUsage).toHaveBeenLastCalledWith('acme', undefined, figure);
    }
    for (const query of ['storage=max', 'storage=', 'storage=peak&storage=last']) {
      const { status, json } = await send('GET', `/usage/acme?${query}`);
      expect([status, locations(json)]).toEqual([400, ['query.storage']]);
    }
  });

  it('asks for the period, or for none', async () => {
    const { send, parts } = await mounted();
    expect((await send('GET', '/usage/acme?from=2024-01-01&to=2024-12-31&from2=x')).status).toBe(200);
    expect(parts.queryUsage).toHaveBeenLastCalledWith('acme', { from: '2024-01-01', to: '2024-12-31' }, 'average');
    await send('GET', '/usage/acme?unknown=1');
    expect(parts.queryUsage).toHaveBeenLastCalledWith('acme', undefined, 'average');
  });

  it.each([
    ['a date that is none', 'from=2024-02-30&to=2024-03-01', ['query.from']],
    ['two of them', 'from=2024-2-3&to=tomorrow', ['query.from', 'query.to']],
    ['a time', 'from=2024-01-01T00:00:00Z&to=2024-01-02', ['query.from']],
    ['from after to', 'from=2024-01-02&to=2024-01-01', ['query.from']],
    ['367 days', 'from=2024-01-01&to=2025-01-01', ['query.to']],
    ['from alone', 'from=2024-01-01', ['query.to']],
    ['to alone', 'to=2024-01-01', ['query.from']],
    ['an empty date', 'from=&to=2024-01-01', ['query.from']],
    ['from twice', 'from=2024-01-01&from=2024-01-02&to=2024-01-03', ['query.from']],
    ['a nested from', 'from[]=2024-01-01&to=2024-01-03', ['query.from']],
  ])('refuses %s', async (_case, query, expected) => {
    const { send, parts } = await mounted();
    const { status, json } = await send('GET', `/usage/acme?${query}`);
    expect([status, json.code, locations(json)]).toEqual([400, 'invalid_request', expected]);
    expect(parts.queryUsage).not.toHaveBeenCalled();
  });

  it('takes 366 days', async () => {
    const { send } = await mounted();
    expect((await send('GET', '/usage/acme?from=2024-01-01&to=2024-12-31')).status).toBe(200);
  });

  it.each(['a:b', '{x}', '__proto__', '🙂', '漢'.repeat(256), 'a/b', 'a b', 'a%b', '%2F', 'storage', '?', '*'])(
    'knows the tenant %j',
    async (tenantId) => {
      const { send, parts } = await mounted();
      expect((await send('GET', `/usage/${encodeURIComponent(tenantId)}`)).status).toBe(200);
      expect(parts.queryUsage).toHaveBeenLastCalledWith(tenantId, undefined, 'average');
    },
  );

  it.each(['%zz', '%ff', '%00', 'a%00', 'x'.repeat(257), '%ED%A0%80'])(
    'refuses the tenant %s in a path',
    async (path) => {
      const { send, parts } = await mounted();
      for (const [method, route] of [
        ['GET', `/usage/${path}`],
        ['GET', `/quotas/${path}`],
        ['DELETE', `/quotas/${path}`],
      ] as const) {
        const { status, json } = await send(method, route);
        expect([status, locations(json)]).toEqual([400, ['path.tenantId']]);
      }
      expect(parts.queryUsage).not.toHaveBeenCalled();
      expect(parts.quotas.remove).not.toHaveBeenCalled();
    },
  );

  it('refuses raw bytes in a path, which would name another tenant', async () => {
    const { base, parts } = await mounted();
    const headers = { authorization: 'Bearer secret' };
    const status = await new Promise((resolve, reject) => {
      // As curl sends it where nobody encoded it: the bytes of UTF-8.
      const path = Buffer.from('/api/admin/usage/é').toString('latin1');
      request(base, { path, headers }, (res) => resolve(res.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(400);
    expect(parts.queryUsage).not.toHaveBeenCalled();
  });

  it('answers an unknown tenant with a 404 problem that has the id of the request', async () => {
    const { send, parts } = await mounted();
    parts.queryUsage.mockRejectedValue(tenantNotFound());
    const { status, json } = await send('GET', '/usage/nobody', undefined, { 'x-request-id': 'edge-7' });
    expect([status, json.code, json.requestId]).toEqual([404, 'tenant_not_found', 'edge-7']);
  });

  it('answers a ledger that is away with a 503, and tells the log why', async () => {
    const { send, parts } = await mounted();
    const error = new TallygateError('ledger_unavailable', 'connection refused');
    parts.queryUsage.mockRejectedValue(error);
    const { status, headers } = await send('GET', '/usage/acme');
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    expect(parts.onError).toHaveBeenCalledExactlyOnceWith(error, expect.any(String));
  });

  it("leaves an error that is not ours to the app's own handler", async () => {
    const parts = fakeParts();
    parts.queryUsage.mockRejectedValue(new RangeError('bug'));
    const app = express();
    app.use(createAdminRoutes(parts, { authenticate: () => true }));
    const seen = vi.fn();
    app.use(((error, _req, res, _next) => {
      seen(error);
      res.sendStatus(500);
    }) as express.ErrorRequestHandler);
    expect((await fetch(`${await listening(app)}/usage/acme`)).status).toBe(500);
    expect(seen).toHaveBeenCalledExactlyOnceWith(expect.any(RangeError));
  });
});

describe('GET /quotas/:tenantId', () => {
  it('answers what holds and what is left, shortest window first', async () => {
    const { send } = await mounted();
    expect((await send('GET', '/quotas/acme')).json).toEqual({
      tenantId: 'acme',
      plan: 'free',
      timeZone: 'UTC',
      billingAnchorDay: 1,
      limits: [
        {
          name: 'minute',
          limit: 60,
          source: 'default',
          used: 1,
          held: 0,
          remaining: 59,
          resetAt: '2026-11-24T12:01:00.000Z',
        },
        {
          name: 'day',
          limit: 'unlimited',
          source: 'override',
          used: 1,
          held: 0,
          remaining: null,
          resetAt: '2026-11-25T00:00:00.000Z',
        },
      ],
    });
  });

  it('is a 404 only where there is no setting, no count and no usage', async () => {
    const { send, parts } = await mounted();
    parts.heldQuotaOf.mockReturnValue(quota(false));
    expect((await send('GET', '/quotas/acme')).status).toBe(200);
    parts.look.mockImplementation((tenantId) => look(tenantId, 0));
    expect((await send('GET', '/quotas/acme')).json).toMatchObject({ status: 404, code: 'tenant_not_found' });
    parts.hasUsage.mockResolvedValue(true);
    expect((await send('GET', '/quotas/acme')).status).toBe(200);
  });

  it('invents no figure where the counter store does not answer', async () => {
    const { send, parts } = await mounted();
    parts.look.mockImplementation((tenantId) => ({
      ...look(tenantId, 0),
      outcome: 'unavailable',
      allowed: false,
      limits: [],
    }));
    const { status, json } = await send('GET', '/quotas/acme');
    expect(status).toBe(200);
    expect(json.limits).toContainEqual({
      name: 'minute',
      limit: 60,
      source: 'default',
      used: null,
      held: 0,
      remaining: null,
      resetAt: null,
    });
  });
});

describe('PUT, PATCH and DELETE /quotas/:tenantId', () => {
  it('hand the change on and answer as GET does', async () => {
    const { send, parts } = await mounted();
    const body = {
      plan: 'pro',
      limits: { minute: 100, day: 'unlimited', week: 0 },
      timeZone: 'Europe/Berlin',
      billingAnchorDay: 31,
    };
    const put = await send('PUT', '/quotas/acme', body);
    expect([put.status, put.json.tenantId]).toEqual([200, 'acme']);
    expect(parts.quotas.replace).toHaveBeenCalledExactlyOnceWith('acme', body);
    await send('PATCH', '/quotas/acme', { plan: null, limits: { day: null }, timeZone: null });
    expect(parts.quotas.merge).toHaveBeenCalledExactlyOnceWith('acme', {
      plan: null,
      limits: { day: null },
      timeZone: null,
    });
    const removed = await send('DELETE', '/quotas/acme');
    expect(removed.status).toBe(200);
    expect(parts.quotas.remove).toHaveBeenCalledExactlyOnceWith('acme');
  });

  it.each([
    ['an unknown field', { limit: 5, plan: 'pro' }, ['body.limit']],
    ['an unknown plan', { plan: 'gold' }, ['body.plan']],
    ['a plan that is no text', { plan: 5 }, ['body.plan']],
    ['an unknown limit', { limits: { fortnight: 5 } }, ['body.limits.fortnight']],
    ['a negative limit', { limits: { day: -1 } }, ['body.limits.day']],
    ['a limit beyond 2^53-1', { limits: { day: 2 ** 53 } }, ['body.limits.day']],
    ['half a unit', { limits: { day: 0.5 } }, ['body.limits.day']],
    ['a limit as text', { limits: { day: '5' } }, ['body.limits.day']],
    ['limits as a list', { limits: [5] }, ['body.limits']],
    ['an offset for a zone', { timeZone: '+05:30' }, ['body.timeZone']],
    ['a day that no month has', { billingAnchorDay: 32 }, ['body.billingAnchorDay']],
    ['no object', [], ['body']],
    ['null', null, ['body']],
    ['a body that would reach a prototype', '{"__proto__": {"plan": "pro"}}', ['body.__proto__']],
    ['limits that would reach a prototype', '{"limits": {"__proto__": 5}}', ['body.limits.__proto__']],
    ['null where nothing can end', { plan: null, limits: { day: null } }, ['body.limits.day', 'body.plan']],
    [
      'everything at once',
      { x: 1, plan: 'gold', limits: { day: 'many', never: 1 }, timeZone: 7, billingAnchorDay: 'last' },
      ['body.billingAnchorDay', 'body.limits.day', 'body.limits.never', 'body.plan', 'body.timeZone', 'body.x'],
    ],
  ])('refuse %s, every fault by its location', async (_case, body, expected) => {
    const { send, parts } = await mounted();
    const { status, json } = await send('PUT', '/quotas/acme', body);
    expect([status, json.code, locations(json)]).toEqual([400, 'invalid_request', expected]);
    expect(parts.quotas.replace).not.toHaveBeenCalled();
    expect(({} as { plan?: string }).plan).toBeUndefined();
  });

  it('know the limits of the plan that holds afterwards', async () => {
    const { send, parts } = await mounted();
    parts.plans.set('special', [{ name: 'per-export', limit: 5, window: 'day' }]);
    parts.heldQuotaOf.mockReturnValue({ ...quota(true), plan: 'special' });
    const limits = { 'per-export': 9 };
    expect((await send('PATCH', '/quotas/acme', { limits })).status).toBe(200);
    expect((await send('PUT', '/quotas/acme', { plan: 'special', limits })).status).toBe(200);
    for (const [method, body] of [
      ['PATCH', { plan: null, limits }],
      ['PATCH', { plan: 'pro', limits }],
      ['PUT', { limits }],
    ] as const) {
      const { status, json } = await send(method, '/quotas/acme', body);
      expect([status, locations(json)]).toEqual([400, ['body.limits.per-export']]);
    }
  });

  it.each([
    ['a time without its offset', { limit: 5, until: '2027-01-31T00:00:00' }, ['body.limits.month.until']],
    ['a date that is none', { limit: 5, until: '2027-02-30' }, ['body.limits.month.until']],
    ['a word', { limit: 5, until: 'tomorrow' }, ['body.limits.month.until']],
    ['a number', { limit: 5, until: 1_800_000_000_000 }, ['body.limits.month.until']],
    ['no end', { limit: 5 }, ['body.limits.month.until']],
    ['no number', { until: '2027-01-31' }, ['body.limits.month.limit']],
    ['half a unit', { limit: 0.5, until: '2027-01-31' }, ['body.limits.month.limit']],
    ['a beginning', { limit: 5, until: '2027-01-31', from: '2027-01-01' }, ['body.limits.month.from']],
    ['a list', [5, '2027-01-31'], ['body.limits.month']],
  ])('refuse an override that ends with %s, by its location', async (_case, month, expected) => {
    const { send, parts } = await mounted();
    const { status, json } = await send('PATCH', '/quotas/acme', { limits: { month } });
    expect([status, json.code, locations(json)]).toEqual([400, 'invalid_request', expected]);
    expect(parts.quotas.merge).not.toHaveBeenCalled();
  });

  it('hand an override with its end on, and show the end', async () => {
    const { send, parts } = await mounted();
    const limits = {
      month: { limit: 500, until: '2027-01-31' },
      week: { limit: 'unlimited', until: '2027-01-31T00:00Z' },
    };
    const untilMs = Date.UTC(2027, 0, 31);
    const month = { name: 'month', limit: 500, window: 'month', source: 'override', enforce: 'hard', untilMs } as const;
    parts.heldQuotaOf.mockResolvedValue({ ...quota(true), limits: [month] });
    const { status, json } = await send('PATCH', '/quotas/acme', { limits });
    expect(parts.quotas.merge).toHaveBeenCalledExactlyOnceWith('acme', { limits });
    expect([status, json.limits]).toEqual([200, [expect.objectContaining({ until: '2027-01-31T00:00:00.000Z' })]]);
  });

  it('know the limits of the plan that resolvePlan names, whatever the body says', async () => {
    const { send, parts } = await mounted();
    parts.plans.set('special', [{ name: 'per-export', limit: 5, window: 'day' }]);
    parts.heldQuotaOf.mockResolvedValue({ ...quota(true), plan: 'special' });
    parts.resolvedPlanOf.mockReturnValue('special');
    for (const body of [{ limits: { 'per-export': 9 } }, { plan: 'pro', limits: { 'per-export': 9 } }]) {
      for (const method of ['PUT', 'PATCH']) expect((await send(method, '/quotas/acme', body)).status).toBe(200);
    }
  });

  it('locate in the body what the service refuses later', async () => {
    const { send, parts } = await mounted();
    parts.quotas.merge.mockRejectedValue(invalidRequest([{ location: 'timeZone', message: 'changed too often' }]));
    expect(locations((await send('PATCH', '/quotas/acme', {})).json)).toEqual(['body.timeZone']);
  });
});

describe('POST /quotas/:tenantId/reset', () => {
  it('hands the reason on and answers as GET does', async () => {
    const { send, parts } = await mounted();
    const reset = await send('POST', '/quotas/acme/reset', { reason: 'our outage of Monday' });
    expect(reset.json).toEqual((await send('GET', '/quotas/acme')).json);
    expect(reset.status).toBe(200);
    expect(parts.quotas.reset).toHaveBeenCalledExactlyOnceWith('acme', {
      reason: 'our outage of Monday',
      author: 'admin',
    });
  });

  it.each([
    ['no reason', {}, ['body.reason']],
    ['an empty one', { reason: '' }, ['body.reason']],
    ['blanks', { reason: ' \n' }, ['body.reason']],
    ['501 characters', { reason: 'x'.repeat(501) }, ['body.reason']],
    ['a NUL', { reason: 'a\0b' }, ['body.reason']],
    ['half a character', '{"reason": "\\ud800"}', ['body.reason']],
    ['a number', { reason: 7 }, ['body.reason']],
    ['a field that is not there yet', { reason: 'x', at: '2027-01-31' }, ['body.at']],
    ['no object', [], ['body']],
  ])('refuses %s', async (_case, body, expected) => {
    const { send, parts } = await mounted();
    const { status, json } = await send('POST', '/quotas/acme/reset', body);
    expect([status, json.code, locations(json)]).toEqual([400, 'invalid_request', expected]);
    expect(parts.quotas.reset).not.toHaveBeenCalled();
  });

  it('takes 500 characters, however many bytes they have', async () => {
    const { send } = await mounted();
    expect((await send('POST', '/quotas/acme/reset', { reason: '🎁'.repeat(500) })).status).toBe(200);
  });

  it('is a 404 for a tenant that does not exist', async () => {
    const { send, parts } = await mounted();
    parts.quotas.reset.mockRejectedValue(tenantNotFound());
    const { status, json } = await send('POST', '/quotas/acme/reset', { reason: 'x' });
    expect([status, json.code]).toEqual([404, 'tenant_not_found']);
  });
});

describe('a body', () => {
  it.each([
    ['not JSON', '{"plan":', {}, 400, 'body'],
    ['empty', '', {}, 400, 'body'],
    [
      'of the type that curl sends unless told',
      '{}',
      { 'content-type': 'application/x-www-form-urlencoded' },
      400,
      'header.content-type',
    ],
    ['compressed', '{}', { 'content-encoding': 'gzip' }, 400, 'header.content-encoding'],
  ])('that is %s is refused', async (_case, body, headers, status, location) => {
    const { send } = await mounted();
    const { status: got, json } = await send('PUT', '/quotas/acme', body, headers as Record<string, string>);
    expect([got, locations(json)]).toEqual([status, [location]]);
  });

  it.each([[[]], [[express.json({ limit: '1mb' })]]])(
    'of more than 64 KiB is a 413, of 64 KiB is read',
    async (parsers) => {
      const { send } = await mounted(parsers);
      const fits = JSON.stringify({ x: 'a'.repeat(65_536 - 8) });
      expect(Buffer.byteLength(fits)).toBe(65_536);
      expect((await send('PUT', '/quotas/acme', fits)).json).toMatchObject({
        status: 400,
        errors: [{ location: 'body.x' }],
      });
      expect((await send('PUT', '/quotas/acme', `${fits} `)).json).toMatchObject({
        status: 413,
        code: 'payload_too_large',
      });
    },
  );

  it('that is no UTF-8 is refused', async () => {
    const { base } = await mounted();
    const headers = { authorization: 'Bearer secret', 'content-type': 'application/json' };
    const body = Buffer.from('{"plan": "\xff"}', 'latin1');
    const response = await fetch(`${base}/api/admin/quotas/acme`, { method: 'PUT', body, headers });
    expect(await response.json()).toMatchObject({ status: 400, errors: [{ location: 'body' }] });
  });

  it('without a stated length is bounded as well', async () => {
    const { base } = await mounted();
    const chunk = new TextEncoder().encode('x'.repeat(10_000));
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (sent++ < 20) controller.enqueue(chunk);
        else controller.close();
      },
    });
    const headers = { authorization: 'Bearer secret', 'content-type': 'application/json' };
    const init: RequestInit & { duplex: 'half' } = { method: 'PUT', body, headers, duplex: 'half' };
    expect((await fetch(`${base}/api/admin/quotas/acme`, init)).status).toBe(413);
  });

  it("that the app's own parser has read is taken from there", async () => {
    const { send, parts } = await mounted([express.json()]);
    expect((await send('PUT', '/quotas/acme', { plan: 'pro' })).status).toBe(200);
    expect(parts.quotas.replace).toHaveBeenCalledExactlyOnceWith('acme', { plan: 'pro' });
  });
});

describe('POST /usage/:tenantId/storage', () => {
  it('books a level now, or at the instant that is given', async () => {
    const { send, parts } = await mounted();
    expect(await send('POST', '/usage/acme/storage', { set: 5 })).toMatchObject({
      status: 202,
      json: { tenantId: 'acme', set: 5, at: '2026-11-24T12:00:00.000Z' },
    });
    expect(parts.recordStorage).toHaveBeenLastCalledWith('acme', 5, NOW);
    await send('POST', '/usage/acme/storage', { set: 0, at: '2026-11-24T13:30:00.5+01:00' });
    expect(parts.recordStorage).toHaveBeenLastCalledWith('acme', 0, Date.UTC(2026, 10, 24, 12, 30, 0, 500));
  });

  it.each([
    [{}, ['body.set']],
    [{ set: -1 }, ['body.set']],
    [{ set: '5', at: 'now' }, ['body.at', 'body.set']],
    [{ set: 5, at: '2026-02-30T00:00:00Z' }, ['body.at']],
    [{ set: 5, at: '2026-11-24' }, ['body.at']],
    [{ set: 5, at: '2026-11-24T12:00:00' }, ['body.at']],
    [{ set: 5, unit: 'MB' }, ['body.unit']],
  ])('refuses %j', async (body, expected) => {
    const { send, parts } = await mounted();
    const { status, json } = await send('POST', '/usage/acme/storage', body);
    expect([status, locations(json)]).toEqual([400, expected]);
    expect(parts.recordStorage).not.toHaveBeenCalled();
  });

  it('refuses an instant that the recorder finds too far away', async () => {
    const { send, parts } = await mounted();
    parts.recordStorage.mockImplementation(() => {
      throw invalidRequest([{ location: 'at', message: 'too old' }]);
    });
    const { status, json } = await send('POST', '/usage/acme/storage', { set: 5, at: '2020-01-01T00:00:00Z' });
    expect([status, locations(json)]).toEqual([400, ['body.at']]);
  });

  it('books a change under its key, at once, and answers from when it holds', async () => {
    const { send, parts } = await mounted();
    const key = { 'idempotency-key': 'k-1' };
    expect(await send('POST', '/usage/acme/storage', { add: -5 }, key)).toMatchObject({
      status: 200,
      json: { tenantId: 'acme', add: -5, at: '2026-11-24T12:00:00.000Z' },
    });
    expect(parts.addStorage).toHaveBeenLastCalledWith('acme', { add: -5, atMs: undefined, idempotencyKey: 'k-1' });
    await send('POST', '/usage/acme/storage', { add: 7, at: '2026-11-24T11:59:59Z' }, key);
    const asked = { add: 7, atMs: NOW - 1_000, idempotencyKey: 'k-1' };
    expect(parts.addStorage).toHaveBeenLastCalledWith('acme', asked);
    expect(parts.recordStorage).not.toHaveBeenCalled();
  });

  it.each([
    [{ add: 5 }, {}, ['header.idempotency-key']],
    [{ add: 5, set: 5 }, { 'idempotency-key': 'k-1' }, ['body.set']],
    [{ add: 1.5, at: 'now' }, { 'idempotency-key': 'k-1' }, ['body.add', 'body.at']],
    [{ add: '5' }, { 'idempotency-key': 'k-1' }, ['body.add']],
  ])('refuses the change %j', async (body, headers, expected) => {
    const { send, parts } = await mounted();
    const { status, json } = await send('POST', '/usage/acme/storage', body, headers as Record<string, string>);
    expect([status, locations(json)]).toEqual([400, expected]);
    expect(parts.addStorage).not.toHaveBeenCalled();
  });

  it('refuses a change that is too far away, and a key that was used for another', async () => {
    const { send, parts } = await mounted();
    const key = { 'idempotency-key': 'k-1' };
    parts.addStorage.mockRejectedValueOnce(invalidRequest([{ location: 'at', message: 'too old' }]));
    const { status, json } = await send('POST', '/usage/acme/storage', { add: 5, at: '2020-01-01T00:00:00Z' }, key);
    expect([status, locations(json)]).toEqual([400, ['body.at']]);
    parts.addStorage.mockRejectedValueOnce(new TallygateError('idempotency_conflict', 'another'));
    expect(await send('POST', '/usage/acme/storage', { add: 5 }, key)).toMatchObject({
      status: 422,
      json: { code: 'idempotency_conflict' },
    });
  });
});
