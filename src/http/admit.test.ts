import { describe, expect, it } from 'vitest';
import type { Decision, LimitState } from '../core/quota/decision.js';
import { createAdmit } from './admit.js';
import type { HeaderStyle } from './rateLimitHeaders.js';

const NOON = Date.UTC(2026, 10, 24, 12, 0, 29);

const state = (
  name: string,
  limit: number | undefined,
  used: number,
  seconds: number,
  more: Partial<LimitState> = {},
): LimitState => ({
  name,
  limit,
  enforce: 'hard',
  used,
  held: 0,
  remaining: limit === undefined ? undefined : Math.max(0, limit - used),
  startMs: NOON,
  resetAtMs: NOON + seconds * 1000,
  violated: false,
  fitsAtMs: NOON + seconds * 1000,
  ...more,
});

const minute = state('minute', 60, 1, 31, { startMs: NOON - 29_000 });
const day = state('day', 5000, 1, 40_210, { startMs: NOON - (86_400 - 40_210) * 1000 });

const decision = (more: Partial<Decision>): Decision => ({
  outcome: 'admitted',
  allowed: true,
  tenantId: 'acme',
  cost: 1,
  label: { decidedAtMs: NOON, usageDate: '2026-11-24', resetNumber: 0 },
  limits: [minute, day],
  exceeded: [],
  chargeUnknown: false,
  meterCosts: [],
  overage: 0,
  meterOverages: [],
  crossed: [],
  settingsVersion: 0,
  isReservation: false,
  ...more,
});

const respond = (more: Partial<Decision>, style: HeaderStyle = 'both') => {
  const { status, headers, problem } = createAdmit(style)(decision(more), () => 'request-1');
  return { status, headers: Object.fromEntries(headers), problem };
};

const LEGACY = {
  'X-RateLimit-Limit-Minute': '60',
  'X-RateLimit-Remaining-Minute': '59',
  'X-RateLimit-Limit-Day': '5000',
  'X-RateLimit-Remaining-Day': '4999',
};
const STANDARD = {
  'RateLimit-Policy': '"minute";q=60;w=60, "day";q=5000;w=86400',
  RateLimit: '"minute";r=59;t=31, "day";r=4999;t=40210',
};

describe('headers of an admission', () => {
  it.each([
    ['legacy', LEGACY],
    ['standard', STANDARD],
    ['both', { ...LEGACY, ...STANDARD }],
    ['none', {}],
  ] as const)('in style %s', (style, headers) => {
    expect(respond({}, style)).toEqual({ status: 200, headers, problem: undefined });
  });

  it('say nothing of an unlimited limit, and nothing at all where every limit is', () => {
    const unlimited = state('month', undefined, 7, 100);
    expect(Object.keys(respond({ limits: [unlimited] }).headers)).toEqual([]);
    const { headers } = respond({ limits: [minute, unlimited] });
    expect(headers['RateLimit-Policy']).toBe('"minute";q=60;w=60');
    expect(Object.keys(headers).join()).not.toMatch(/month/i);
  });

  it('are named after the limit, each word with a capital', () => {
    expect(respond({ limits: [state('per-export2', 5, 0, 60)] }, 'legacy').headers).toEqual({
      'X-RateLimit-Limit-Per-Export2': '5',
      'X-RateLimit-Remaining-Per-Export2': '5',
    });
  });

  it('round the time left up, and know a day of 23 hours', () => {
    const short = state('day', 10, 0, 23 * 3_600, { startMs: NOON });
    const label = { decidedAtMs: NOON + 1, usageDate: '2026-11-24', resetNumber: 0 };
    expect(respond({ limits: [short], label }, 'standard').headers).toEqual({
      'RateLimit-Policy': '"day";q=10;w=82800',
      RateLimit: '"day";r=10;t=82800',
    });
  });

  it('stay inside the 15 digits of a structured field', () => {
    const huge = state('day', Number.MAX_SAFE_INTEGER, 0, 60);
    const { headers } = respond({ limits: [huge] });
    expect(headers['RateLimit-Policy']).toBe('"day";q=999999999999999;w=60');
    expect(headers['X-RateLimit-Limit-Day']).toBe('9007199254740991');
  });

  it('are left out where the store did not answer and the request passes: no figure is invented', () => {
    expect(respond({ outcome: 'unconfirmed', limits: [minute] })).toEqual({
      status: 200,
      headers: {},
      problem: undefined,
    });
  });
});

describe('a refusal', () => {
  it('is a 429 with all violated limits, the true rest, and the wait until the last of them', () => {
    const full = { ...minute, used: 58, remaining: 2, violated: true };
    const fullDay = { ...day, used: 5000, remaining: 0, violated: true };
    const { status, headers, problem } = respond({
      outcome: 'denied',
      allowed: false,
      cost: 3,
      limits: [full, fullDay],
    });
    expect(status).toBe(429);
    expect(headers).toMatchObject({ 'Retry-After': '40210', 'X-RateLimit-Remaining-Minute': '2' });
    expect(problem).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Quota exceeded',
      status: 429,
      detail: 'The quota has no room for 3 units now: minute, day.',
      code: 'quota_exceeded',
      requestId: 'request-1',
      'violated-policies': ['minute', 'day'],
      limits: [
        { name: 'minute', limit: 60, remaining: 2, resetAt: '2026-11-24T12:01:00.000Z' },
        { name: 'day', limit: 5000, remaining: 0, resetAt: '2026-11-24T23:10:39.000Z' },
      ],
    });
  });

  it.each([
    [0, '1'],
    [1, '1'],
    [1000, '1'],
    [1001, '2'],
  ])('asks to wait at least a second: %d ms left are %s', (ms, seconds) => {
    const full = { ...minute, violated: true, fitsAtMs: NOON + ms };
    expect(respond({ outcome: 'denied', allowed: false, limits: [full] }).headers['Retry-After']).toBe(seconds);
  });

  it('names the limits that refused alone: soft and shadow ones refuse nobody, and nobody waits for them', () => {
    const full = { ...minute, violated: true };
    const limits = [full, { ...day, violated: true, enforce: 'shadow' as const }];
    const { headers, problem } = respond({ outcome: 'denied', allowed: false, limits });
    expect([headers['Retry-After'], problem?.['violated-policies']]).toEqual(['31', ['minute']]);
  });

  it('of a sliding limit says when the cost fits, which may be before the window is whole', () => {
    const burst = state('burst', 10, 10, 10, { violated: true, fitsAtMs: NOON + 1_500 });
    const { headers } = respond({ outcome: 'denied', allowed: false, limits: [burst] }, 'standard');
    expect(headers).toEqual({
      'Retry-After': '2',
      'RateLimit-Policy': '"burst";q=10;w=10',
      RateLimit: '"burst";r=0;t=2',
    });
  });

  it('of a tenant that nobody knows is a 403 without figures', () => {
    const { status, headers, problem } = respond({ outcome: 'unknown_tenant', allowed: false, limits: [] });
    expect([status, headers, problem?.code]).toEqual([403, {}, 'tenant_unknown']);
  });

  it('keeps Retry-After also where no rate limit headers are wanted', () => {
    const limits = [{ ...minute, violated: true }];
    expect(respond({ outcome: 'denied', allowed: false, limits }, 'none').headers).toEqual({ 'Retry-After': '31' });
  });

  it('of a cost above a limit is a 422 without Retry-After, and names that limit', () => {
    const exceeded = [{ name: 'minute', limit: 60, window: 'minute', enforce: 'hard', source: 'plan' }] as const;
    const { status, headers, problem } = respond({
      outcome: 'cost_exceeds_limit',
      allowed: false,
      cost: 61,
      limits: [],
      exceeded,
    });
    expect(status).toBe(422);
    expect(headers).toEqual({});
    expect(problem).toMatchObject({ code: 'cost_exceeds_limit', limits: [{ name: 'minute', limit: 60 }] });
    expect(problem?.detail).toBe('A cost of 61 units is above a limit of the tenant and can never pass: minute (60).');
  });

  it.each([
    [false, 'counter_store_unavailable'],
    [true, 'counter_store_timeout'],
  ])('of the policy deny is a 503 of reduced capacity (charge unknown: %s)', (chargeUnknown, code) => {
    const { status, headers, problem } = respond({ outcome: 'unavailable', allowed: false, limits: [], chargeUnknown });
    expect(status).toBe(503);
    expect(headers).toEqual({});
    expect(problem).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      code,
    });
  });
});
