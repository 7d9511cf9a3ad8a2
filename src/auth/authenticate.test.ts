import { describe, expect, it, vi } from 'vitest';
import { FakeResponse, fakeRequest } from '../../test/http/fakeRequest.js';
import { type Authenticate, authenticated } from './authenticate.js';
import { bearerAuth } from './bearerAuth.js';

async function guard(authenticate: Authenticate) {
  const req = fakeRequest();
  const res = new FakeResponse(req);
  const next = vi.fn();
  authenticated(authenticate)(req, res, next);
  await vi.waitFor(() => expect(next.mock.calls.length + Number(res.writableEnded)).toBe(1));
  return { res, next };
}

describe('authenticate', () => {
  it.each([() => true, async () => true])('lets pass what it answers with true: %s', async (authenticate) => {
    expect((await guard(authenticate)).next).toHaveBeenCalledExactlyOnceWith();
  });

  it.each([
    () => false,
    async () => false,
    // What JavaScript callers may return: anything but exactly true is a no.
    () => undefined,
    () => 'yes',
  ])('answers everything else with a 401: %s', async (authenticate) => {
    const { res, next } = await guard(authenticate);
    expect(next).not.toHaveBeenCalled();
    expect(res.json).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(res.getHeader('WWW-Authenticate')).toBe('Bearer realm="tallygate"');
  });

  it('hands on what it throws or rejects with', async () => {
    const error = new Error('session store is down');
    for (const authenticate of [
      () => {
        throw error;
      },
      () => Promise.reject(error),
    ]) {
      expect((await guard(authenticate)).next).toHaveBeenCalledExactlyOnceWith(error);
    }
  });

  it('may be a middleware, which calls next or answers itself', async () => {
    expect((await guard((_req, _res, next) => next())).next).toHaveBeenCalledExactlyOnceWith();
    const { res, next } = await guard((_req, response, _next) => response.end('no'));
    expect([res.text, next.mock.calls.length]).toEqual(['no', 0]);
    const error = new Error('session store is down');
    const rejecting = await guard((_req, _res, _next) => Promise.reject(error));
    expect(rejecting.next).toHaveBeenCalledExactlyOnceWith(error);
  });

  it('that hides its parameters fails instead of passing', async () => {
    const hidden = (...parameters: unknown[]) => (parameters[2] as () => void)();
    expect((await guard(hidden)).next).toHaveBeenCalledExactlyOnceWith(expect.any(TypeError));
  });
});

describe('bearerAuth', () => {
  const passes = (authorization: string) =>
    bearerAuth('secret')(fakeRequest('GET', [['Authorization', authorization]]));

  it('takes the token alone, with the scheme in any spelling', () => {
    expect(['Bearer secret', 'bearer secret', 'BEARER   secret '].map(passes)).toEqual([true, true, true]);
    expect(['secret', 'Bearer', 'Bearer Secret', 'Bearer secret x', 'Basic secret', ''].some(passes)).toBe(false);
  });
});
