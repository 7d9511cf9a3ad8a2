import { describe, expect, it, vi } from 'vitest';
import { FakeResponse, fakeRequest } from '../../test/http/fakeRequest.js';
import { createReadinessGate, type ReadinessGate } from './readinessGate.js';

function enter(gate: ReadinessGate) {
  const req = fakeRequest();
  const res = new FakeResponse(req);
  const next = vi.fn();
  gate.handler(req, res, next);
  return { res, next };
}

describe('the readiness gate', () => {
  it('holds requests back until it opens, and is out of the way then', () => {
    const gate = createReadinessGate();
    const early = enter(gate);
    expect(early.next).not.toHaveBeenCalled();
    gate.open();
    expect(early.next).toHaveBeenCalledExactlyOnceWith();
    expect(enter(gate).next).toHaveBeenCalledExactlyOnceWith();
  });

  it('answers with a 503 what waited too long, once', () => {
    vi.useFakeTimers();
    try {
      const gate = createReadinessGate(15_000);
      const { res, next } = enter(gate);
      vi.advanceTimersByTime(14_999);
      expect(res.writableEnded).toBe(false);
      vi.advanceTimersByTime(1);
      expect(res.json).toMatchObject({ status: 503, code: 'not_ready' });
      expect(res.getHeader('Retry-After')).toBe('1');
      gate.open();
      expect(next).not.toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  });

  it('lets nobody wait once it has given up', () => {
    const gate = createReadinessGate();
    const early = enter(gate);
    gate.giveUp();
    gate.open();
    for (const { res, next } of [early, enter(gate)]) {
      expect(res.statusCode).toBe(503);
      expect(next).not.toHaveBeenCalled();
    }
  });

  it('forgets a request whose client went away', () => {
    const gate = createReadinessGate();
    const { res, next } = enter(gate);
    res.emit('close');
    gate.open();
    expect(next).not.toHaveBeenCalled();
  });

  it('lets at most 1,000 requests wait', () => {
    const gate = createReadinessGate();
    const all = Array.from({ length: 1_001 }, () => enter(gate));
    expect(all.filter(({ res }) => res.writableEnded)).toHaveLength(1);
    expect(all.at(-1)?.res.statusCode).toBe(503);
    gate.giveUp();
  });
});
