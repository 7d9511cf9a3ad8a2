import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, vi } from 'vitest';
import { FakeResponse, fakeRequest } from '../../test/http/fakeRequest.js';
import { limitState, decision as made } from '../../test/quota/decisions.js';
import { createAdmit, type Decision } from '../http/admit.js';
import { TallygateError } from '../http/faults.js';
import { createResolvers } from '../http/tenantOf.js';
import { createTenantlessNotice } from './caller.js';
import { createTenantQuota, type TenantQuotaOptions, type TenantQuotaParts } from './tenantQuota.js';

const decision = (allowed: boolean, tenantId = 'acme', cost = 1): Decision =>
  made({
    outcome: allowed ? 'admitted' : 'denied',
    allowed,
    tenantId,
    cost,
    limits: [limitState({ limit: 5, used: 5, remaining: 0, violated: !allowed })],
  });

function mount(options: TenantQuotaOptions = {}, parts: Partial<TenantQuotaParts> = {}) {
  const decide = vi.fn((tenantId: string, cost: number): Decision | Promise<Decision> =>
    decision(true, tenantId, cost),
  );
  const requestWithoutTenant = vi.fn();
  const warn = vi.fn();
  const middleware = createTenantQuota(
    {
      decide,
      admit: createAdmit('both'),
      meters: new Map(),
      resolvers: createResolvers({}),
      tenantless: createTenantlessNotice({ requestWithoutTenant }, warn),
      enabled: true,
      ...parts,
    },
    options,
  );
  const send = (onRequest: object = { tenantId: 'acme' }, method = 'GET') => {
    const req = Object.assign(fakeRequest(method), onRequest);
    const res = new FakeResponse(req);
    const next = vi.fn();
    middleware(req, res, next);
    return { req, res, next };
  };
  return { send, decide, requestWithoutTenant, warn, middleware };
}

describe('tenantQuota', () => {
  it('passes an admitted request on before it returns, with headers and the decision on the request', () => {
    const { send, middleware } = mount();
    const { req, res, next } = send();
    expect(next).toHaveBeenCalledExactlyOnceWith();
    expect(res.getHeader('X-RateLimit-Remaining-Minute')).toBe('0');
    expect(res.getHeader('RateLimit')).toBe('"minute";r=0;t=60');
    expect(req).toHaveProperty('tallygate.decision.outcome', 'admitted');
    expect(middleware.name).toBe('tenantQuota');
  });

  it('answers a denied request with a 429 problem and hands nothing on', () => {
    const { send } = mount({}, { decide: () => decision(false) });
    const { res, next } = send();
    expect(next).not.toHaveBeenCalled();
    expect(res.statusCode).toBe(429);
    expect(res.getHeader('Content-Type')).toBe('application/problem+json; charset=utf-8');
    expect(res.getHeader('Retry-After')).toBe('60');
    expect(res.json).toMatchObject({ code: 'quota_exceeded', 'violated-policies': ['minute'] });
  });

  it('charges at each mount', () => {
    const { decide, middleware } = mount();
    const req = Object.assign(fakeRequest(), { tenantId: 'acme' });
    const res = new FakeResponse(req);
    middleware(req, res, () => middleware(req, res, () => undefined));
    expect(decide).toHaveBeenCalledTimes(2);
  });

  it('waits for a decision that needs I/O, in the context of its own request', async () => {
    const storage = new AsyncLocalStorage<number>();
    const waiting: ((made: Decision) => void)[] = [];
    const { middleware } = mount({}, { decide: () => new Promise((resolve) => waiting.push(resolve)) });
    const seen = [1, 2, 3].map(
      (one) =>
        new Promise((resolve) => {
          const req = Object.assign(fakeRequest(), { tenantId: 'acme' });
          storage.run(one, () => middleware(req, new FakeResponse(req), () => resolve([one, storage.getStore()])));
        }),
    );
    // Settled from outside of any request, in another order.
    for (const resolve of waiting.reverse()) resolve(decision(true));
    expect(await Promise.all(seen)).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });

  it('charges what cost says, as a number or a function of the request', () => {
    for (const cost of [5, () => 5]) {
      const { send, decide } = mount({ cost });
      send();
      expect(decide.mock.calls[0]?.slice(0, 2)).toEqual(['acme', 5]);
    }
  });

  it.each(['cost', 'skip'])('an async %s is told to the app, and its rejection ends no process', async (option) => {
    const { send, decide } = mount({ [option]: () => Promise.reject(new Error('the database is away')) });
    expect(send().next).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ code: 'invalid_configuration', message: expect.stringMatching(/promise/) }),
    );
    expect(decide).not.toHaveBeenCalled();
    await new Promise(setImmediate);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])('refuses a cost of %s', (cost) => {
    expect(() => mount({ cost })).toThrow(TallygateError);
    const { send, decide } = mount({ cost: () => cost });
    const { next } = send();
    expect(next).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'invalid_configuration' }));
    expect(decide).not.toHaveBeenCalled();
  });

  it('leaves OPTIONS alone unless told otherwise, and what skip names', () => {
    const plain = mount();
    expect(plain.send({ tenantId: 'acme' }, 'OPTIONS').next).toHaveBeenCalledExactlyOnceWith();
    expect(plain.decide).not.toHaveBeenCalled();
    const all = mount({ includeOptions: true });
    all.send({ tenantId: 'acme' }, 'OPTIONS');
    expect(all.decide).toHaveBeenCalledOnce();
    const skipping = mount({ skip: (req) => req.url === '/' });
    expect(skipping.send().next).toHaveBeenCalledExactlyOnceWith();
    expect(skipping.decide).not.toHaveBeenCalled();
  });

  it('lets a request without a tenant pass, counts each and warns once', () => {
    const { send, decide, requestWithoutTenant, warn } = mount();
    for (let i = 0; i < 3; i++) expect(send({}).next).toHaveBeenCalledExactlyOnceWith();
    expect(decide).not.toHaveBeenCalled();
    expect(requestWithoutTenant).toHaveBeenCalledTimes(3);
    expect(warn).toHaveBeenCalledOnce();
  });

  it('refuses a request without a tenant where one is required', () => {
    const { send, requestWithoutTenant } = mount({ requireTenant: true });
    const { res, next } = send({});
    expect(next).not.toHaveBeenCalled();
    expect(res.json).toMatchObject({ status: 400, errors: [{ location: 'tenant' }] });
    expect(requestWithoutTenant).not.toHaveBeenCalled();
  });

  it.each(['', '..', 'a\0b', 1.5])('answers the invalid tenant %j with a 400, and no store hears of it', (tenantId) => {
    const { send, decide } = mount();
    const { res, next } = send({ tenantId });
    expect(next).not.toHaveBeenCalled();
    expect(res.json).toMatchObject({ status: 400, code: 'invalid_request', errors: [{ location: 'tenant' }] });
    expect(decide).not.toHaveBeenCalled();
  });

  it('hands what the functions of the app throw to its error handler', () => {
    const error = new Error('no session');
    const fails = () => {
      throw error;
    };
    for (const one of [
      mount({ cost: fails }),
      mount({ skip: fails }),
      mount({}, { resolvers: createResolvers({ resolveTenant: fails }) }),
    ]) {
      expect(one.send().next).toHaveBeenCalledExactlyOnceWith(error);
    }
  });

  it('hands an unexpected rejection on too, and answers not_ready itself with a 503', async () => {
    const error = new Error('bug');
    const { send } = mount({}, { decide: () => Promise.reject(error) });
    const { next } = send();
    await vi.waitFor(() => expect(next).toHaveBeenCalledExactlyOnceWith(error));
    const notReady = mount(
      {},
      {
        decide: () => {
          throw new TallygateError('not_ready', 'loading');
        },
      },
    ).send();
    expect(notReady.next).not.toHaveBeenCalled();
    expect(notReady.res.statusCode).toBe(503);
    expect(notReady.res.getHeader('Retry-After')).toBe('1');
  });

  it('does not catch what a later handler throws', () => {
    const { middleware } = mount();
    const req = Object.assign(fakeRequest(), { tenantId: 'acme' });
    const next = vi.fn(() => {
      throw new Error('handler');
    });
    expect(() => middleware(req, new FakeResponse(req), next)).toThrow('handler');
    expect(next).toHaveBeenCalledOnce();
  });

  it('passes everything through where Tallygate is switched off', () => {
    const { send, decide } = mount({ requireTenant: true }, { enabled: false });
    expect(send({}).next).toHaveBeenCalledExactlyOnceWith();
    expect(decide).not.toHaveBeenCalled();
  });
});
