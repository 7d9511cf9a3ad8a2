import { request } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { listening } from '../../test/http/listening.js';
import { decision, denied, fullLimit, limitState } from '../../test/quota/decisions.js';
import { createAdmit, type Decision } from '../http/admit.js';
import type { MatchedRequest } from '../http/handler.js';
import { sendError } from '../http/respond.js';
import { createResolvers } from '../http/tenantOf.js';
import { authorize } from './authorize.js';

async function mounted({ trusted = true } = {}) {
  const tenantHeader = trusted ? 'x-tenant-id' : undefined;
  const parts = {
    decide: vi.fn((tenantId: string, _cost: number): Decision | Promise<Decision> => decision({ tenantId })),
    recordCall: vi.fn(),
    admit: createAdmit('both'),
    tenantOf: createResolvers({ tenantHeader }).tenantOf,
    tenantHeader,
  };
  const endpoint = authorize(parts);
  const base = await listening((req, res) =>
    endpoint(req as MatchedRequest, res, (error) => sendError(req, res, error)),
  );
  const ask = async (path = '/v1/authorize', init: RequestInit = {}) => {
    const response = await fetch(base + path, { headers: { 'X-Tenant-Id': 'acme' }, ...init });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { parts, base, ask };
}

describe('the question of a gateway', () => {
  it('is answered 200 with an empty body and what is left, and meters one call', async () => {
    const { parts, ask } = await mounted();
    const { status, headers, text } = await ask();
    expect([status, text]).toEqual([200, '']);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-ratelimit-remaining-minute')).toBe('59');
    expect(headers.get('ratelimit')).toBe('"minute";r=59;t=60');
    expect(headers.get('retry-after')).toBeNull();
    expect(parts.decide).toHaveBeenCalledExactlyOnceWith('acme', 1);
    expect(parts.recordCall).toHaveBeenCalledExactlyOnceWith('acme', '2026-11-24');
  });

  it('is answered 429 with an empty body, the same headers and Retry-After, and meters nothing', async () => {
    const { parts, ask } = await mounted();
    parts.decide.mockReturnValue(Promise.resolve(denied()));
    const { status, headers, text } = await ask();
    expect([status, text, headers.get('retry-after'), headers.get('x-tallygate-status')]).toEqual([
      429,
      '',
      '60',
      null,
    ]);
    expect(headers.get('x-ratelimit-remaining-minute')).toBe('0');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(parts.recordCall).not.toHaveBeenCalled();
  });

  it('that asks for a 403 gets one, which says that it is a 429', async () => {
    const { parts, ask } = await mounted();
    parts.decide.mockReturnValue(denied());
    const { status, headers, text } = await ask('/v1/authorize/orders?page=2&deny=403');
    expect([status, text, headers.get('x-tallygate-status'), headers.get('retry-after')]).toEqual([
      403,
      '',
      '429',
      '60',
    ]);
    // A parameter of the app's own, which Envoy hands on, is none of ours.
    expect((await ask('/v1/authorize?deny=everything')).status).toBe(429);
    parts.decide.mockReturnValue(decision());
    const passed = await ask('/v1/authorize?deny=403');
    expect([passed.status, passed.headers.get('x-tallygate-status')]).toEqual([200, null]);
  });

  it('that the policy cannot answer stays a 503, whatever form was asked for', async () => {
    const { parts, ask } = await mounted();
    parts.decide.mockReturnValue(decision({ outcome: 'unavailable', allowed: false, limits: [] }));
    for (const path of ['/v1/authorize', '/v1/authorize?deny=403']) {
      const { status, headers, text } = await ask(path);
      expect([status, headers.get('retry-after'), headers.get('x-tallygate-status')]).toEqual([503, '1', null]);
      expect(JSON.parse(text)).toMatchObject({ code: 'counter_store_unavailable' });
    }
  });

  it('about a tenant that nobody knows is a 403 that is no quota', async () => {
    const { parts, ask } = await mounted();
    parts.decide.mockReturnValue(decision({ outcome: 'unknown_tenant', allowed: false, limits: [] }));
    const { status, headers } = await ask('/v1/authorize?deny=403');
    expect([status, headers.get('x-tallygate-status'), headers.get('retry-after')]).toEqual([403, null, null]);
  });

  it('lets pass what a shadow limit would refuse', async () => {
    const { parts, ask } = await mounted();
    parts.decide.mockReturnValue(decision({ limits: [limitState(), fullLimit({ name: 'day', enforce: 'shadow' })] }));
    expect((await ask()).status).toBe(200);
  });

  it('waits for no body, however much of one is announced', async () => {
    const { base } = await mounted();
    const status = await new Promise((resolve, reject) => {
      const headers = { 'X-Tenant-Id': 'acme', 'Content-Length': '1000000' };
      const asked = request(`${base}/v1/authorize`, { method: 'POST', headers }, (res) => {
        resolve(res.statusCode);
        asked.destroy();
      });
      asked.on('error', reject);
      asked.write('only the beginning');
    });
    expect(status).toBe(200);
  });

  it.each([
    ['none', [], 'expected a tenant, got none'],
    ['two values', ['acme', 'other'], 'expected one value, got 2'],
    ['what is no id', ['..'], 'expected'],
  ])('with %s for the tenant is a 400, and nothing is decided', async (_, values, message) => {
    const { parts, base } = await mounted();
    const headers = values.flatMap((value) => ['X-Tenant-Id', value]);
    const { status, text } = await raw(base, ['Host', 'gateway', ...headers]);
    expect(status).toBe(400);
    expect(JSON.parse(text).errors).toEqual([
      { location: 'header.x-tenant-id', message: expect.stringContaining(message) },
    ]);
    expect(parts.decide).not.toHaveBeenCalled();
  });

  it('is refused where no header is trusted, with the variable that names one', async () => {
    const { parts, base } = await mounted({ trusted: false });
    const { status, text } = await raw(base, ['Host', 'gateway', 'X-Tenant-Id', 'acme']);
    expect([status, text]).toEqual([400, expect.stringContaining('TENANT_HEADER')]);
    expect(parts.decide).not.toHaveBeenCalled();
  });
});

/** With headers of one name twice, which fetch would join. */
function raw(base: string, headers: string[]): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    request(`${base}/v1/authorize`, { headers }, (res) => {
      let text = '';
      res.on('data', (chunk) => {
        text += chunk;
      });
      res.on('end', () => resolve({ status: res.statusCode, text }));
    })
      .on('error', reject)
      .end();
  });
}
