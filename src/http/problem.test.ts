import { describe, expect, it } from 'vitest';
import { fakeRequest } from '../../test/http/fakeRequest.js';
import { invalidRequest, TallygateError } from '../core/errors.js';
import { problemOf } from './problem.js';
import { requestIdOf } from './requestId.js';

describe('a problem', () => {
  it('lists every fault of a bad request', () => {
    const errors = [
      { location: 'body.limits.day', message: 'expected a whole number' },
      { location: 'query.from', message: 'expected a date' },
    ];
    expect(problemOf(invalidRequest(errors), 'r')).toEqual({
      type: 'about:blank',
      title: 'Invalid request',
      status: 400,
      detail: 'body.limits.day: expected a whole number; query.from: expected a date',
      code: 'invalid_request',
      requestId: 'r',
      errors,
    });
  });

  it.each([
    ['not_supported', 400],
    ['unauthenticated', 401],
    ['tenant_not_found', 404],
    ['payload_too_large', 413],
    ['not_ready', 503],
    ['ledger_unavailable', 503],
    ['migrations_pending', 503],
    ['closed', 503],
    ['ledger_refused', 500],
  ] as const)('of %s has status %d', (code, status) => {
    expect(problemOf(new TallygateError(code, 'why'), 'r')).toMatchObject({ code, status });
  });

  it('keeps to itself what an internal error says', () => {
    const unknown = problemOf(new Error('password hunter2'), 'r');
    expect(unknown).toMatchObject({ status: 500, code: 'internal_error' });
    expect(JSON.stringify(unknown)).not.toContain('hunter2');
    const down = problemOf(new TallygateError('ledger_unavailable', 'connect to db.example.com failed'), 'r');
    expect(JSON.stringify(down)).not.toContain('example.com');
  });
});

describe('the id of a request', () => {
  it('is the sane one that came, and always the same', () => {
    const req = fakeRequest('GET', [['X-Request-Id', 'edge-1:42']]);
    expect(requestIdOf(req)).toBe('edge-1:42');
    expect(requestIdOf(req)).toBe('edge-1:42');
  });

  it.each([[''], ['a b'], ['"quoted"'], ['x'.repeat(129)], ['é']])('is a fresh one instead of %j', (sent) => {
    const req = fakeRequest('GET', [['X-Request-Id', sent]]);
    expect(requestIdOf(req)).toMatch(/^[0-9a-f-]{36}$/);
    expect(requestIdOf(req)).toBe(requestIdOf(req));
  });
});
