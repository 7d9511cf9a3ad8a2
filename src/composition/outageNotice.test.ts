import { describe, expect, it } from 'vitest';
import { outageNotice } from './outageNotice.js';

function noticeAt() {
  const clock = { nowMs: 0, wallMs: () => 0, monotonicMs: () => clock.nowMs };
  const told: string[] = [];
  const leftOut: number[] = [];
  const notice = outageNotice(
    clock,
    (text: string) => text,
    (text, others) => {
      told.push(text);
      leftOut.push(others);
    },
  );
  return { clock, told, leftOut, notice };
}

describe('an outage is told', () => {
  it('at once, and then every half minute', () => {
    const { clock, told, notice } = noticeAt();
    for (clock.nowMs = 0; clock.nowMs <= 60_000; clock.nowMs += 1_000) notice('away');
    expect(told).toHaveLength(3);
  });

  it('by its kind: two that take turns do not make each other new', () => {
    const { clock, told, notice } = noticeAt();
    for (clock.nowMs = 0; clock.nowMs < 30_000; clock.nowMs += 1_000) {
      notice('timeout');
      notice('refused');
    }
    expect(told).toEqual(['timeout', 'refused']);
  });

  it('in ten lines of half a minute, however many reasons there are, and says how many it left out', () => {
    const { clock, told, leftOut, notice } = noticeAt();
    for (let failure = 0; failure < 10_000; failure += 1) {
      clock.nowMs += 1;
      notice(`refused at ${failure}`);
    }
    expect(told).toHaveLength(10);
    clock.nowMs += 30_000;
    notice('refused again');
    expect([told.length, leftOut.at(-1)]).toEqual([11, 9_990]);
  });
});
