// That a process which is asked to flush does so once, and again only after a failure or another request.
import { expect, test } from 'vitest';
import { TallygateError } from '../../core/errors.js';
import { answerToFlushAsked } from './askedFlush.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('each request is answered once, and again where that failed', async () => {
  let told = 0;
  let isAway = false;
  const failures: string[] = [];
  const tell = async () => {
    told += 1;
    await turn();
    if (isAway) throw new TallygateError('ledger_unavailable', 'away');
  };
  const asked = answerToFlushAsked({ tell }, ({ code }) => failures.push(code));
  const seen = async (askedAtMs: number) => {
    // More often than an answer takes.
    for (let look = 0; look < 3; look += 1) asked(askedAtMs);
    await turn();
    await turn();
    return told;
  };
  expect([await seen(1), await seen(1), await seen(2), await seen(2)]).toEqual([1, 1, 2, 2]);
  isAway = true;
  expect([await seen(3), await seen(3), failures.length]).toEqual([3, 4, 2]);
  isAway = false;
  expect([await seen(3), await seen(3), failures]).toEqual([5, 5, ['ledger_unavailable', 'ledger_unavailable']]);
});
