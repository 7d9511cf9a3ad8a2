import { describe, expect, it, vi } from 'vitest';
import { FakeResponse, fakeRequest } from '../../test/http/fakeRequest.js';
import type { Decision } from '../http/admit.js';
import { createResolvers } from '../http/tenantOf.js';
import { createTenantlessNotice } from './caller.js';
import { createUsageMeter, type UsageMeterOptions, type UsageMeterParts } from './usageMeter.js';

function mount(options: UsageMeterOptions = {}, parts: Partial<UsageMeterParts> = {}) {
  const recordCall = vi.fn();
  const requestWithoutTenant = vi.fn();
  const warn = vi.fn();
  const middleware = createUsageMeter(
    {
      recordCall,
      usageDateOf: () => '2026-11-24',
      start: { isOpen: true, whenOpen: () => Promise.resolve() },
      resolvers: createResolvers({}),
      tenantless: createTenantlessNotice({ requestWithoutTenant }, warn),
      warn,
      enabled: true,
      meterEnabled: true,
      ...parts,
    },
    options,
  );
  const send = (onRequest: object = { tenantId: 'acme', userId: 'ann' }, method = 'GET') => {
    const req = Object.assign(fakeRequest(method), onRequest);
    const res = new FakeResponse(req);
    const next = vi.fn();
    middleware(req, res, next);
    return { req, res, next };
  };
  return { send, recordCall, requestWithoutTenant, warn, middleware };
}

const decided = (usageDate: string) => ({
  tallygate: { decision: { tenantId: 'charged', label: { usageDate, decidedAtMs: 0, resetNumber: 0 } } as Decision },
});

describe('usageMeter', () => {
  it('books one call and its user when it runs, alone by the clock of the process', () => {
    const { send, recordCall, middleware } = mount();
    expect(send().next).toHaveBeenCalledExactlyOnceWith();
    expect(recordCall).toHaveBeenCalledExactlyOnceWith('acme', '2026-11-24', 'ann');
    expect(middleware.name).toBe('usageMeter');
  });

  it("books to the decision's tenant and day, whatever the clock says", () => {
    const { send, recordCall } = mount();
    send({ tenantId: 'acme', ...decided('2026-11-23') });
    expect(recordCall).toHaveBeenCalledExactlyOnceWith('charged', '2026-11-23', undefined);
  });

  it('meters a request once, however often it is mounted', () => {
    const { recordCall, middleware } = mount();
    const other = mount();
    const req = Object.assign(fakeRequest(), { tenantId: 'acme' });
    const res = new FakeResponse(req);
    for (const handler of [middleware, middleware, other.middleware]) handler(req, res, () => undefined);
    expect(recordCall).toHaveBeenCalledOnce();
    expect(other.recordCall).not.toHaveBeenCalled();
  });

  it('with countWhen asks when the response closes, with the day that held before', () => {
    const days = ['2026-11-24', '2026-11-25'];
    const { send, recordCall } = mount(
      { countWhen: (_req, res) => res.statusCode < 500 },
      { usageDateOf: () => days.shift() ?? '' },
    );
    const { res, next } = send();
    expect(next).toHaveBeenCalledOnce();
    expect(recordCall).not.toHaveBeenCalled();
    res.emit('close');
    res.emit('close');
    expect(recordCall).toHaveBeenCalledExactlyOnceWith('acme', '2026-11-24', 'ann');
  });

  it('with countWhen leaves out what it names', () => {
    const { send, recordCall } = mount({ countWhen: (_req, res) => res.statusCode < 500 });
    const { res } = send();
    res.statusCode = 502;
    res.emit('close');
    expect(recordCall).not.toHaveBeenCalled();
  });

  it('with countWhen counts a response that closed before, as an aborted one did while the quota was asked', () => {
    const { middleware, recordCall } = mount({ countWhen: () => true });
    const req = Object.assign(fakeRequest(), { tenantId: 'acme' });
    const res = new FakeResponse(req);
    Object.defineProperty(res, 'closed', { value: true });
    middleware(req, res, () => undefined);
    expect(recordCall).toHaveBeenCalledOnce();
  });

  it('counts and says so where countWhen throws', () => {
    const error = new Error('broken');
    const { send, recordCall, warn } = mount({
      countWhen: () => {
        throw error;
      },
    });
    send().res.emit('close');
    expect(recordCall).toHaveBeenCalledOnce();
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.any(String), error);
  });

  it('leaves OPTIONS and what skip names alone', () => {
    const { send, recordCall } = mount({ skip: (req) => req.url === '/' });
    send();
    send(undefined, 'OPTIONS');
    expect(recordCall).not.toHaveBeenCalled();
  });

  it('counts a request without a tenant once, also behind tenantQuota of the same instance', () => {
    const { middleware, requestWithoutTenant, recordCall } = mount();
    const req = fakeRequest();
    for (let i = 0; i < 2; i++) middleware(req, new FakeResponse(req), () => undefined);
    expect(requestWithoutTenant).toHaveBeenCalledOnce();
    expect(recordCall).not.toHaveBeenCalled();
  });

  it('answers an invalid tenant or user with a 400 and books nothing', () => {
    for (const [onRequest, location] of [
      [{ tenantId: '' }, 'tenant'],
      [{ tenantId: 'acme', userId: 'u\0' }, 'user'],
    ] as const) {
      const { send, recordCall } = mount();
      const { res, next } = send(onRequest);
      expect(next).not.toHaveBeenCalled();
      expect(res.json).toMatchObject({ status: 400, errors: [{ location }] });
      expect(recordCall).not.toHaveBeenCalled();
    }
  });

  it('waits for the start only where it has to know the day of a tenant', async () => {
    let open = () => {};
    const whenOpen = vi.fn(() => new Promise<void>((resolve) => (open = resolve)));
    const start = { isOpen: false, whenOpen };
    const passing = [
      mount({}, { start }).send({}),
      mount({}, { start }).send({ tenantId: 'acme' }, 'OPTIONS'),
      mount({ skip: () => true }, { start }).send(),
      mount({}, { start }).send({ tenantId: 'acme', ...decided('2026-11-23') }),
      mount({}, { start, enabled: false }).send(),
      mount({}, { start, meterEnabled: false }).send(),
    ];
    for (const { next } of passing) expect(next).toHaveBeenCalledExactlyOnceWith();
    expect(whenOpen).not.toHaveBeenCalled();
    const { send, recordCall } = mount({}, { start });
    const { next } = send();
    expect(next).not.toHaveBeenCalled();
    open();
    await vi.waitFor(() => expect(next).toHaveBeenCalledExactlyOnceWith());
    expect(recordCall).toHaveBeenCalledExactlyOnceWith('acme', '2026-11-24', 'ann');
  });

  it.each([{ enabled: false }, { meterEnabled: false }])('books nothing where it is switched off: %j', (parts) => {
    const { send, recordCall } = mount({}, parts);
    expect(send().next).toHaveBeenCalledExactlyOnceWith();
    expect(recordCall).not.toHaveBeenCalled();
  });
});
