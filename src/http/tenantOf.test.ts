import { describe, expect, it } from 'vitest';
import { fakeRequest } from '../../test/http/fakeRequest.js';
import { TallygateError } from '../core/errors.js';
import { createResolvers } from './tenantOf.js';

const tenantOf = (onRequest: object, rules = {}) =>
  createResolvers(rules).tenantOf(Object.assign(fakeRequest(), onRequest));
const userOf = (onRequest: object) => createResolvers({}).userOf(Object.assign(fakeRequest(), onRequest));

describe('the tenant of a request', () => {
  it.each([
    ['req.tenant.id first', { tenant: { id: 'a' }, tenantId: 'b', user: { tenantId: 'c' } }, 'a'],
    ['then req.tenantId', { tenant: {}, tenantId: 'b', user: { tenantId: 'c' } }, 'b'],
    ['then req.user.tenantId', { tenant: null, user: { tenantId: 'c' } }, 'c'],
    ['a number as its decimal text', { tenantId: 42 }, '42'],
    ['a bigint as its decimal text', { tenantId: 2n ** 60n }, '1152921504606846976'],
    ['a name of Object.prototype', { tenantId: '__proto__' }, '__proto__'],
    ['256 CJK characters', { tenantId: '漢'.repeat(256) }, '漢'.repeat(256)],
  ])('is %s', (_case, onRequest, id) => {
    expect(tenantOf(onRequest)).toEqual({ kind: 'id', id });
  });

  it.each([[{}], [{ tenant: null, tenantId: undefined, user: null }], [{ tenant: 'acme' }]])(
    'is none for %j',
    (onRequest) => {
      expect(tenantOf(onRequest)).toEqual({ kind: 'none' });
    },
  );

  it.each([[''], ['.'], ['..'], ['a\0'], ['\ud800'], ['x'.repeat(257)], [1.5], [true], [{}], [Number.NaN]])(
    'is a fault for %j, with its place',
    (tenantId) => {
      expect(tenantOf({ tenantId })).toMatchObject({ kind: 'fault', location: 'tenant' });
    },
  );

  it('comes from resolveTenant alone where that is given', () => {
    expect(tenantOf({ tenantId: 'b' }, { resolveTenant: () => null })).toEqual({ kind: 'none' });
    expect(tenantOf({}, { resolveTenant: () => 7 })).toEqual({ kind: 'id', id: '7' });
  });

  it('cannot be a promise: that is the app to mend, not the client', () => {
    expect(() => tenantOf({}, { resolveTenant: async () => 'a' })).toThrow(TallygateError);
  });
});

describe('the user of a request', () => {
  it('is req.user.id, then req.userId', () => {
    expect(userOf({ user: { id: 'u' }, userId: 'v' })).toEqual({ kind: 'id', id: 'u' });
    expect(userOf({ userId: 'v' })).toEqual({ kind: 'id', id: 'v' });
    expect(userOf({})).toEqual({ kind: 'none' });
  });

  it('may have 512 characters, not more', () => {
    expect(userOf({ userId: 'u'.repeat(512) }).kind).toBe('id');
    expect(userOf({ userId: 'u'.repeat(513) })).toMatchObject({ kind: 'fault', location: 'user' });
  });
});

describe('a trusted tenant header', () => {
  const { tenantOf: ofHeader } = createResolvers({ tenantHeader: 'x-tenant-id' });
  const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

  it.each([
    ['is read in any spelling', [['X-TENANT-ID', 'acme']], { kind: 'id', id: 'acme' }],
    ['may hold a comma', [['X-Tenant-Id', 'a, b']], { kind: 'id', id: 'a, b' }],
    [
      'names the same tenant as the same text in a path',
      [['X-Tenant-Id', latin1('漢字🙂')]],
      { kind: 'id', id: '漢字🙂' },
    ],
    ['that is absent is no tenant', [['X-Other', 'acme']], { kind: 'none' }],
  ] as const)('%s', (_case, headers, expected) => {
    expect(ofHeader(fakeRequest('GET', headers))).toEqual(expected);
  });

  it.each([
    [
      'two values',
      [
        ['X-Tenant-Id', 'a'],
        ['x-tenant-id', 'a'],
      ],
    ],
    ['an empty value', [['X-Tenant-Id', '']]],
    ['bytes that are no UTF-8', [['X-Tenant-Id', '\xff\xfe']]],
  ] as const)('is a fault with %s', (_case, headers) => {
    expect(ofHeader(fakeRequest('GET', headers))).toMatchObject({ kind: 'fault', location: 'header.x-tenant-id' });
  });

  it('does not fall back to what is on the request', () => {
    expect(ofHeader(Object.assign(fakeRequest(), { tenantId: 'b' }))).toEqual({ kind: 'none' });
  });
});
