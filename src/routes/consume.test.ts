import express from 'express';
import { describe, expect, it, vi } from 'vitest';
import { listening } from '../../test/http/listening.js';
import { limitState, decision as made } from '../../test/quota/decisions.js';
import { TallygateError } from '../core/errors.js';
import type { Meters } from '../core/meter.js';
import { createAdmit, type Decision } from '../http/admit.js';
import { sendError } from '../http/respond.js';
import { keyedConsumption } from '../services/usage/keyedCalls.js';
import { consume } from './consume.js';

const decision = (tenantId: string, cost: number, more: Partial<Decision> = {}): Decision =>
  made({
    tenantId,
    cost,
    limits: [limitState(), limitState({ name: 'day', limit: undefined, remaining: undefined, resetAtMs: 86_400_000 })],
    ...more,
  });

async function mounted() {
  const parts = {
    decide: vi.fn((tenantId: string, cost: number): Decision | Promise<Decision> => decision(tenantId, cost)),
    recordCall: vi.fn(),
    recordUser: vi.fn(),
    admit: createAdmit('both'),
    meters: new Map([['tokens', { kind: 'counter', unit: 'token' }]]) satisfies Meters,
  };
  const app = express();
  app.post('/v1/consume', consume(parts));
  app.use(((error, req, res, _next) => sendError(req, res, error)) as express.ErrorRequestHandler);
  const base = await listening(app);
  const post = async (body: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${base}/v1/consume`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    });
    return {
      status: response.status,
      headers: response.headers,
      json: (await response.json()) as Record<string, unknown>,
    };
  };
  return { parts, post };
}

describe('POST /v1/consume', () => {
  it('decides, meters one call to the label of the decision, and answers what is left', async () => {
    const { parts, post } = await mounted();
    const { status, headers, json } = await post('{"tenant": "try-me"}');
    expect(status).toBe(200);
    expect(json).toEqual({
      allowed: true,
      tenantId: 'try-me',
      limits: [{ name: 'minute', limit: 60, remaining: 59, resetAt: '1970-01-01T00:01:00.000Z' }],
    });
    expect(headers.get('x-ratelimit-remaining-minute')).toBe('59');
    expect(headers.get('ratelimit')).toBe('"minute";r=59;t=60');
    expect(parts.decide).toHaveBeenCalledExactlyOnceWith('try-me', 1, { meterCosts: [] });
    expect(parts.recordCall).toHaveBeenCalledExactlyOnceWith('try-me', '2026-11-24', undefined);
  });

  it('charges the cost and still meters one call', async () => {
    const { parts, post } = await mounted();
    await post('{"tenant": "__proto__", "cost": 7, "user": "ann"}');
    expect(parts.decide).toHaveBeenCalledExactlyOnceWith('__proto__', 7, { meterCosts: [] });
    expect(parts.recordCall).toHaveBeenCalledExactlyOnceWith('__proto__', '2026-11-24', 'ann');
  });

  it.each([
    ['{"tenant": "a", "meter": "tokens"}', 0, [{ meter: 'tokens', units: 1 }]],
    ['{"tenant": "a", "meter": "tokens", "cost": 500}', 0, [{ meter: 'tokens', units: 500 }]],
    ['{"tenant": "a", "meter": "tokens", "cost": 0}', 0, []],
    ['{"tenant": "a", "cost": {"units": 1, "tokens": 500}}', 1, [{ meter: 'tokens', units: 500 }]],
    ['{"tenant": "a", "cost": {"tokens": 0}}', 0, []],
  ])('charges by meter what %s says, and meters one call', async (body, cost, meterCosts) => {
    const { parts, post } = await mounted();
    expect((await post(body)).status).toBe(200);
    expect(parts.decide).toHaveBeenCalledExactlyOnceWith('a', cost, { meterCosts });
    expect(parts.recordCall).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['{"tenant": "a", "meter": "exports"}', ['body.meter']],
    ['{"tenant": "a", "meter": 7, "cost": -1}', ['body.cost', 'body.meter']],
    ['{"tenant": "a", "meter": "tokens", "cost": {"tokens": 1}}', ['body.cost']],
    [
      '{"tenant": "..", "cost": {"exports": 1, "tokens": 1.5, "__proto__x": 2}}',
      ['body.cost.__proto__x', 'body.cost.exports', 'body.cost.tokens', 'body.tenant'],
    ],
    ['{"tenant": "a", "cost": [1]}', ['body.cost']],
  ])('refuses the meters of %s where they stand', async (body, locations) => {
    const { parts, post } = await mounted();
    const { status, json } = await post(body);
    const errors = json.errors as readonly { location: string }[];
    expect([status, errors.map((one) => one.location).sort()]).toEqual([400, locations]);
    expect(parts.decide).not.toHaveBeenCalled();
  });

  it('answers a refusal with its problem and meters nothing', async () => {
    const { parts, post } = await mounted();
    const limits = decision('a', 1).limits.map((state) => ({ ...state, violated: state.name === 'minute' }));
    parts.decide.mockReturnValue(Promise.resolve(decision('a', 1, { outcome: 'denied', allowed: false, limits })));
    const { status, headers, json } = await post('{"tenant": "a"}');
    expect([status, json.code, headers.get('retry-after')]).toEqual([429, 'quota_exceeded', '60']);
    expect(parts.recordCall).not.toHaveBeenCalled();
  });

  it.each([
    ['{}', ['body.tenant']],
    ['{"tenant": 5, "cost": -1, "user": ""}', ['body.cost', 'body.tenant', 'body.user']],
    ['{"tenant": "..", "cost": 1.5}', ['body.cost', 'body.tenant']],
    ['{"tenant": "a", "cost": 9007199254740992}', ['body.cost']],
    ['{"tenant": "a", "cost": null}', ['body.cost']],
    ['{"tenant": "a", "tenants": 1, "__proto__": {"cost": 0}}', ['body.__proto__', 'body.tenants']],
    ['{"tenant": "a\\u0000"}', ['body.tenant']],
    ['{"tenant": "\\ud800"}', ['body.tenant']],
    ['[]', ['body']],
    ['"a"', ['body']],
    ['{"tenant"', ['body']],
  ])('refuses %s with every fault, before any store hears of it', async (body, expected) => {
    const { parts, post } = await mounted();
    const { status, json } = await post(body);
    const errors = json.errors as { location: string }[];
    expect([status, errors.map((one) => one.location).sort()]).toEqual([400, expected]);
    expect(parts.decide).not.toHaveBeenCalled();
  });

  it('says of an empty body that it is empty, which is what a client forgot', async () => {
    const { post } = await mounted();
    expect((await post('')).json.detail).toBe('body: expected JSON in UTF-8, got an empty body');
  });

  it('under a key asks for what is hashed, and leaves its call to the decision', async () => {
    const { parts, post } = await mounted();
    parts.decide.mockImplementation((tenantId, cost) =>
      decision(tenantId, cost, { keyed: { key: 'aa', apiCalls: 1, first: undefined } }),
    );
    await post('{"tenant": "a", "cost": {"tokens": 5}, "user": "ann"}', { 'idempotency-key': 'k-1' });
    const asked = { cost: 0, meterCosts: [{ meter: 'tokens', units: 5 }], userId: 'ann', apiCalls: 1 };
    const { meterCosts } = asked;
    const keyed = keyedConsumption('k-1', asked);
    expect(parts.decide).toHaveBeenCalledExactlyOnceWith('a', 0, { meterCosts, keyed });
    expect(parts.recordCall).not.toHaveBeenCalled();
    expect(parts.recordUser).toHaveBeenCalledExactlyOnceWith('a', '2026-11-24', 'ann');
  });

  it('answers 422 idempotency_conflict where something else was admitted under the key', async () => {
    const { parts, post } = await mounted();
    parts.decide.mockImplementation(() => {
      throw new TallygateError('idempotency_conflict', 'another one');
    });
    const { status, json } = await post('{"tenant": "a", "user": "ann"}', { 'idempotency-key': 'k-1' });
    expect([status, json.code]).toEqual([422, 'idempotency_conflict']);
    expect(parts.recordUser).not.toHaveBeenCalled();
  });

  it('refuses an empty key before any store hears of it', async () => {
    const { parts, post } = await mounted();
    const { json } = await post('{"tenant": "a"}', { 'idempotency-key': '' });
    expect(json).toMatchObject({ status: 400, errors: [{ location: 'header.idempotency-key' }] });
    expect(parts.decide).not.toHaveBeenCalled();
  });
});
