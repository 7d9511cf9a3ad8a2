// Corrections and closed months over HTTP: what is asked for, what is refused where, and what is answered.
import express from 'express';
import { describe, expect, it, vi } from 'vitest';
import { listening } from '../../test/http/listening.js';
import { TallygateError } from '../core/errors.js';
import { invalidRequest } from '../http/faults.js';
import { sendError } from '../http/respond.js';
import { mountAdminAdjustments } from './adminAdjustments.js';
import { mountAdminPeriods } from './adminPeriods.js';

const NOW = Date.UTC(2026, 10, 24, 12);
const REQUEST = { date: '2026-11-01', meter: 'api_calls', delta: -5, reason: 'counted twice' };
const { date: usageDate, ...REST } = REQUEST;
const BOOKED = { usageDate, ...REST, author: 'admin', adjustedAtMs: NOW };
const BODY = { tenantId: 'acme', ...REQUEST, author: 'admin', at: '2026-11-24T12:00:00.000Z' };

async function mounted() {
  const parts = {
    adjustments: {
      adjust: vi.fn(async (_tenantId: string, _request: unknown, _origin: unknown) => BOOKED),
      list: vi.fn(async (_tenantId: string, _period: unknown) => [BOOKED]),
    },
    closedPeriods: {
      close: vi.fn(async (tenantId: string, month: string, closing: object) => ({ tenantId, month, ...closing })),
      read: vi.fn(async (_tenantId: string, _month: string): Promise<object> => {
        throw invalidRequest([{ location: 'month', message: 'expected a month' }]);
      }),
    },
  };
  const app = express();
  mountAdminAdjustments(app, parts);
  mountAdminPeriods(app, parts);
  app.use(((error, req, res, _next) => sendError(req, res, error)) satisfies express.ErrorRequestHandler);
  const base = await listening(app);
  const send = async (path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const init = {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    };
    const response = await fetch(base + path, body === undefined ? {} : init);
    const json = (await response.json()) as { errors?: { location: string }[]; [member: string]: unknown };
    return { status: response.status, json, locations: json.errors?.map((one) => one.location).sort() };
  };
  return { parts, send };
}

const KEY = { 'idempotency-key': 'k-1' };

describe('POST /usage/:tenantId/adjustments', () => {
  it('books a correction under its key, with its author', async () => {
    const { parts, send } = await mounted();
    expect(await send('/usage/acme/adjustments', REQUEST, KEY)).toMatchObject({ status: 200, json: BODY });
    const origin = { idempotencyKey: 'k-1', author: 'admin' };
    expect(parts.adjustments.adjust).toHaveBeenCalledExactlyOnceWith('acme', REQUEST, origin);
  });

  it.each([{}, { 'idempotency-key': '' }, { 'idempotency-key': 'k'.repeat(256) }])(
    'demands a key of 1 to 255 characters: %j',
    async (headers) => {
      const { parts, send } = await mounted();
      const { status, locations } = await send('/usage/acme/adjustments', REQUEST, headers as Record<string, string>);
      expect([status, locations]).toEqual([400, ['header.idempotency-key']]);
      expect(parts.adjustments.adjust).not.toHaveBeenCalled();
    },
  );

  it('refuses fields that it does not know, and locates what the service finds in the body', async () => {
    const { parts, send } = await mounted();
    const unknown = await send('/usage/acme/adjustments', { ...REQUEST, author: 'me' }, KEY);
    expect([unknown.status, unknown.locations]).toEqual([400, ['body.author']]);
    parts.adjustments.adjust.mockRejectedValue(invalidRequest([{ location: 'delta', message: 'expected another' }]));
    const refused = await send('/usage/acme/adjustments', {}, KEY);
    expect([refused.status, refused.locations]).toEqual([400, ['body.delta']]);
  });

  it('answers 422 idempotency_conflict where the key was used for something else', async () => {
    const { parts, send } = await mounted();
    parts.adjustments.adjust.mockRejectedValue(new TallygateError('idempotency_conflict', 'another one'));
    const { status, json } = await send('/usage/acme/adjustments', REQUEST, KEY);
    expect([status, json.code]).toEqual([422, 'idempotency_conflict']);
  });
});

describe('GET /usage/:tenantId/adjustments', () => {
  it('lists the corrections of a period, which has to be named', async () => {
    const { parts, send } = await mounted();
    const period = { from: '2026-11-01', to: '2026-11-30' };
    const { json } = await send('/usage/acme/adjustments?from=2026-11-01&to=2026-11-30');
    expect(json).toEqual({ tenantId: 'acme', period, adjustments: [BODY] });
    expect(parts.adjustments.list).toHaveBeenCalledExactlyOnceWith('acme', period);
    const { status, locations } = await send('/usage/acme/adjustments');
    expect([status, locations]).toEqual([400, ['query.from', 'query.to']]);
  });
});

describe('/usage/:tenantId/periods/:month', () => {
  it('closes a month', async () => {
    const { send } = await mounted();
    const { status, json } = await send('/usage/acme/periods/2026-10/close', {});
    const closed = { tenantId: 'acme', month: '2026-10', author: 'admin' };
    expect([status, json]).toEqual([200, { ...closed, incomplete: false }]);
    const all = await send('/usage/acme/periods/2026-10/close?incomplete=true', {});
    expect(all.json).toEqual({ ...closed, incomplete: true });
  });

  it('locates a fault of the month in the path', async () => {
    const { send } = await mounted();
    const { status, locations } = await send('/usage/acme/periods/2026-13');
    expect([status, locations]).toEqual([400, ['path.month']]);
  });
});
