import express from 'express';
import { describe, expect, it, vi } from 'vitest';
import { listening } from '../../test/http/listening.js';
import { sendError } from '../http/respond.js';
import { mountAdminDenials, type RememberedDenial } from './adminDenials.js';

const denial = (more: Partial<RememberedDenial> = {}): RememberedDenial => ({
  firstAtMs: 1_000,
  lastAtMs: 2_000,
  times: 3,
  tenantId: 'acme',
  cost: 1,
  outcome: 'denied',
  enforced: true,
  limits: [{ name: 'minute', limit: 60, used: 60, startMs: 0, resetAtMs: 60_000 }],
  label: { usageDate: '1970-01-01', resetNumber: 0 },
  settingsVersion: 42,
  ...more,
});

async function mounted(denials: readonly RememberedDenial[]) {
  const readDenials = vi.fn(() => denials);
  const app = express();
  mountAdminDenials(app, { readDenials, process: { host: 'web-1', pid: 17, since: new Date(0) } });
  app.use(((error, req, res, _next) => sendError(req, res, error)) as express.ErrorRequestHandler);
  const base = await listening(app);
  const get = async (query = '') => {
    const response = await fetch(`${base}/denials${query}`);
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };
  return { readDenials, get };
}

describe('GET /denials', () => {
  it('says why, as people read it, and that it is the log of one process', async () => {
    const { get } = await mounted([denial()]);
    expect(await get()).toEqual({
      status: 200,
      json: {
        scope: 'process',
        process: { host: 'web-1', pid: 17, since: '1970-01-01T00:00:00.000Z' },
        denials: [
          {
            at: '1970-01-01T00:00:02.000Z',
            firstAt: '1970-01-01T00:00:01.000Z',
            times: 3,
            tenantId: 'acme',
            cost: 1,
            outcome: 'denied',
            enforced: true,
            limits: [
              {
                name: 'minute',
                limit: 60,
                used: 60,
                windowStart: '1970-01-01T00:00:00.000Z',
                resetAt: '1970-01-01T00:01:00.000Z',
              },
            ],
            label: { usageDate: '1970-01-01', resetNumber: 0 },
            settingsVersion: 42,
          },
        ],
      },
    });
  });

  it('says null where nothing was counted', async () => {
    const limits = [{ name: 'day', limit: 5, used: undefined, startMs: undefined, resetAtMs: undefined }];
    const { json } = await (await mounted([denial({ outcome: 'cost_exceeds_limit', limits })])).get();
    expect(json.denials).toMatchObject([
      { limits: [{ name: 'day', limit: 5, used: null, windowStart: null, resetAt: null }] },
    ]);
  });

  it.each([
    ['', { tenantId: undefined, most: 100 }],
    ['?tenant=a%2Fb&limit=1000', { tenantId: 'a/b', most: 1_000 }],
    ['?limit=1&unknown=x', { tenantId: undefined, most: 1 }],
  ])('%s asks for %j', async (query, asked) => {
    const { readDenials, get } = await mounted([]);
    expect((await get(query)).json.denials).toEqual([]);
    expect(readDenials).toHaveBeenCalledExactlyOnceWith(asked);
  });

  it.each([
    ['?limit=0', ['query.limit']],
    ['?limit=1001', ['query.limit']],
    ['?limit=', ['query.limit']],
    ['?limit=1e2&tenant=..', ['query.tenant', 'query.limit']],
    ['?tenant=', ['query.tenant']],
  ])('%s is refused with every fault', async (query, locations) => {
    const { readDenials, get } = await mounted([]);
    const { status, json } = await get(query);
    expect([status, (json.errors as { location: string }[]).map(({ location }) => location)]).toEqual([400, locations]);
    expect(readDenials).not.toHaveBeenCalled();
  });
});
