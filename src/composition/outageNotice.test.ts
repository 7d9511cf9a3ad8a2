import { describe, expect, it } from 'vitest';
import { outageNotice } from './outageNotice.js';

function noticeAt() {
  const clock = { nowMs: 0, wallMs: () => 0, monotonicMs: () => clock.nowMs };
  const told: string[] = [];
  const notice = outageNotice(
    clock,
    (text: string) => text,
    (text) => void told.push(text),
  );
  return { clock, told, notice };
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

  it('again where more kinds came than are kept', () => {
    const { told, notice } = noticeAt();
    notice('first');
    for (let kind = 0; kind < 50; kind += 1) notice(`kind ${kind}`);
    notice('first');
    expect(told.filter((text) => text === 'first')).toHaveLength(2);
  });
});
