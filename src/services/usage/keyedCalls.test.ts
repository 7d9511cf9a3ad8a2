import { expect, it } from 'vitest';
import { keyedConsumption, keyedReservation } from './keyedCalls.js';

const CONSUMED = { cost: 1, meterCosts: [], userId: undefined, apiCalls: 1 };
const RESERVED = { cost: 1, meterCosts: [], seconds: 300, apiCalls: 1 };
const AMOUNTS = [
  { meter: 'tokens', units: 5 },
  { meter: 'words', units: 6 },
];

it('the same under the same key is the same, in whatever order its meters are named', () => {
  const one = keyedConsumption('k', { ...CONSUMED, meterCosts: AMOUNTS });
  expect(one).toEqual(keyedConsumption('k', { ...CONSUMED, meterCosts: AMOUNTS.toReversed() }));
  expect([one.key, one.content]).toEqual([
    expect.stringMatching(/^[0-9a-f]{32}$/),
    expect.stringMatching(/^[0-9a-f]{32}$/),
  ]);
});

it('each thing that is asked for makes another content, and another text another key', () => {
  const contents = [
    ...[
      {},
      { cost: 2 },
      { userId: 'ann' },
      { apiCalls: 0 },
      { meterCosts: AMOUNTS },
      { meterCosts: AMOUNTS.slice(1) },
    ].map((more) => keyedConsumption('k', { ...CONSUMED, ...more })),
    ...[{}, { cost: 2 }, { seconds: 301 }, { apiCalls: 0 }].map((more) =>
      keyedReservation('k', { ...RESERVED, ...more }),
    ),
  ];
  expect(new Set(contents.map(({ content }) => content)).size).toBe(contents.length);
  expect(new Set(contents.map(({ key }) => key)).size).toBe(1);
  expect(keyedConsumption('K', CONSUMED).key).not.toBe(keyedConsumption('k', CONSUMED).key);
});
