import { describe, expect, it } from 'vitest';
import { UTC_CALENDAR } from '../time/calendar.js';
import { completenessOf, type KnownMissing } from './completeness.js';

const at = (text: string): number => Date.parse(text);
const FEBRUARY = {
  ...{ from: '2024-02-01', to: '2024-02-29', calendar: UTC_CALENDAR },
  asOfMs: at('2024-03-05T00:00:00Z'),
};
const NOTHING: KnownMissing = { gaps: [], quarantinedRows: 0, flushedByAllMs: undefined };
const gap = (producerMadeAt: string, recordedAt: string) => ({
  ...{ producerId: 'p', from: 3, to: 8, reason: 'lost' },
  ...{ producerMadeAtMs: at(producerMadeAt), recordedAtMs: at(recordedAt) },
});

describe('a period is complete', () => {
  it.each<[string, Partial<typeof FEBRUARY>, Partial<KnownMissing>, boolean]>([
    ['once it is over and nobody lives who may have more', {}, {}, true],
    ['not while it lasts', { asOfMs: at('2024-02-29T23:59:59Z') }, {}, false],
    ['not before each live producer has flushed past it', {}, { flushedByAllMs: at('2024-02-29T23:59:00Z') }, false],
    ['nor in the minute after it', {}, { flushedByAllMs: at('2024-03-01T00:00:59Z') }, false],
    ['but then', {}, { flushedByAllMs: at('2024-03-01T00:01:00Z') }, true],
    ['not with rows in the quarantine', {}, { quarantinedRows: 1 }, false],
    ['not with a gap in it', {}, { gaps: [gap('2024-02-10T00:00:00Z', '2024-02-11T00:00:00Z')] }, false],
    ['with a gap that was known before it', {}, { gaps: [gap('2024-01-10T00:00:00Z', '2024-01-31T23:59:59Z')] }, true],
    ['not with one that began before it', {}, { gaps: [gap('2024-01-10T00:00:00Z', '2024-02-01T00:00:00Z')] }, false],
    [
      'not with one whose commits may belong to its last day',
      {},
      { gaps: [gap('2024-03-01T12:00:00Z', '2024-03-02T00:00:00Z')] },
      false,
    ],
    ['with one of later', {}, { gaps: [gap('2024-03-02T00:00:00Z', '2024-03-02T00:00:00Z')] }, true],
  ])('%s', (_, period, known, complete) => {
    expect(completenessOf({ ...FEBRUARY, ...period }, { ...NOTHING, ...known }).complete).toBe(complete);
  });

  it('by the tenant’s own days', () => {
    const calendar = { ...UTC_CALENDAR, timeZone: 'Asia/Tokyo' };
    const asOfMs = at('2024-02-29T15:00:00Z');
    expect(completenessOf({ ...FEBRUARY, calendar, asOfMs }, NOTHING).complete).toBe(true);
    expect(completenessOf({ ...FEBRUARY, calendar, asOfMs: asOfMs - 1 }, NOTHING).complete).toBe(false);
  });
});

it('a gap is told with its time and size, and rows put aside where there are any', () => {
  const gaps = [gap('2024-02-10T00:00:00Z', '2024-02-11T00:00:00Z')];
  expect(completenessOf(FEBRUARY, { ...NOTHING, gaps, quarantinedRows: 2 })).toEqual({
    complete: false,
    gaps: [
      {
        ...{ since: '2024-02-10T00:00:00.000Z', until: '2024-02-11T00:00:00.000Z' },
        ...{ records: 5, reason: 'lost', producerId: 'p' },
      },
    ],
    quarantinedRows: 2,
  });
  expect(completenessOf(FEBRUARY, NOTHING)).toEqual({ complete: true, gaps: [] });
});
