import { describe, expect, it, vi } from 'vitest';
import { TallygateError } from '../core/errors.js';
import { systemClock } from '../ports/clock.js';
import { appFailureLog, requestFailureLog } from './requestFailures.js';

const logged = () => ({ info: vi.fn(), warn: vi.fn(), error: vi.fn() });

describe('the log of requests that failed', () => {
  it('tells of a fault of ours each time, with the id that the client was given', () => {
    const log = logged();
    const told = requestFailureLog(systemClock, log);
    const bug = new TypeError('a bug');
    told(bug, 'request-1');
    told(bug, 'request-2');
    expect(log.error.mock.calls).toEqual([
      [{ err: bug, requestId: 'request-1' }, 'A request failed.'],
      [{ err: bug, requestId: 'request-2' }, 'A request failed.'],
    ]);
  });

  it('tells of 10,000 requests that an outage fails in a line for each thing that does not answer', () => {
    const log = logged();
    const told = requestFailureLog(systemClock, log);
    for (let request = 0; request < 10_000; request += 1) {
      const code = request % 2 === 0 ? 'ledger_unavailable' : 'counter_store_timeout';
      told(new TallygateError(code, `no answer at ${request}`), `request-${request}`);
    }
    expect(log.error).toHaveBeenCalledTimes(2);
  });
});

describe('the log of what an app throws', () => {
  it('is one line where every request throws', () => {
    const log = logged();
    const told = appFailureLog(systemClock, log);
    for (let request = 0; request < 10_000; request += 1) told('countWhen threw', new Error(`of request ${request}`));
    expect(log.warn).toHaveBeenCalledExactlyOnceWith({ err: new Error('of request 0'), leftOut: 0 }, 'countWhen threw');
  });
});
