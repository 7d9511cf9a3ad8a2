// Which periods a report takes.
import { expect, it } from 'vitest';
import { usagePeriodFaults } from './usagePeriod.js';

it.each([
  [undefined, undefined],
  ['2024-01-01', '2024-01-01'],
  ['2024-01-01', '2024-12-31'],
  ['2023-02-28', '2024-02-28'],
])('from %s to %s is a period', (from, to) => {
  expect(usagePeriodFaults(from, to)).toEqual([]);
});

it.each([
  ['2024-01-01', undefined, ['to']],
  [undefined, '2024-01-01', ['from']],
  ['2024-02-30', '2024-2-1', ['from', 'to']],
  ['2024-01-02', '2024-01-01', ['from']],
  ['2024-01-01', '2025-01-01', ['to']],
  ['', '2024-01-01', ['from']],
])('from %s to %s is at fault at %s', (from, to, locations) => {
  expect(usagePeriodFaults(from, to).map((fault) => fault.location)).toEqual(locations);
});
