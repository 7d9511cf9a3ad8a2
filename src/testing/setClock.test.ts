import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../ports/clock.js';
import { setClock } from './setClock.js';

afterEach(() => setClock());

test('the process’s clock stands where it was set, and follows the machine again without an argument', () => {
  setClock(86_400_000);
  expect(systemClock.wallMs()).toBe(86_400_000);
  setClock(undefined);
  expect(Math.abs(systemClock.wallMs() - Date.now())).toBeLessThan(1_000);
});

test('the monotonic clock keeps running, so that timeouts stay real', () => {
  const before = systemClock.monotonicMs();
  setClock(0);
  expect(systemClock.monotonicMs() - before).toBeLessThan(1_000);
  expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(before);
});

test.each([-1, 1.5, Number.NaN, 9e15, Number.POSITIVE_INFINITY])('%s is no instant', (ms) => {
  expect(() => setClock(ms)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
});
