import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addDays, datesBetween, daysBetween, firstOfMonth, isUsageDate } from './calendar.js';

describe('isUsageDate', () => {
  test.each([
    ['2024-01-31', true],
    ['2024-02-29', true],
    ['2000-02-29', true],
    ['0001-01-01', true],
    ['9999-12-31', true],
    // Dates that do not exist.
    ['2023-02-29', false],
    ['1900-02-29', false],
    ['2024-02-30', false],
    ['2024-04-31', false],
    ['2024-00-10', false],
    ['2024-13-01', false],
    ['2024-01-00', false],
    ['2024-01-32', false],
    ['0000-01-01', false],
    // Anything but YYYY-MM-DD.
    ['2024-1-1', false],
    ['2024-01-01T00:00:00Z', false],
    [' 2024-01-01', false],
    ['2024-01-01\n', false],
    ['20240101', false],
    ['-2024-01-01', false],
    ['+012024-01-01', false],
    ['٢٠٢٤-٠١-٠١', false],
    ['', false],
  ])('%j: %s', (text, expected) => {
    expect(isUsageDate(text)).toBe(expected);
  });
});

test.each([
  ['2024-02-28', 1, '2024-02-29'],
  ['2023-02-28', 1, '2023-03-01'],
  ['2024-01-01', -1, '2023-12-31'],
  ['0099-12-31', 1, '0100-01-01'],
  ['2024-06-15', 0, '2024-06-15'],
])('%s and %i days is %s', (date, days, expected) => {
  expect(addDays(date, days)).toBe(expected);
  expect(daysBetween(date, expected)).toBe(days === 0 ? 0 : days);
});

test('a range of dates holds both ends, and is empty where it ends before it begins', () => {
  expect(datesBetween('2024-02-28', '2024-03-01')).toEqual(['2024-02-28', '2024-02-29', '2024-03-01']);
  expect(datesBetween('2024-02-28', '2024-02-28')).toEqual(['2024-02-28']);
  expect(datesBetween('2024-02-28', '2024-02-27')).toEqual([]);
  expect(datesBetween('2024-01-01', '2024-12-31')).toHaveLength(366);
});

test('a calendar month begins on its first, whatever the billing anchor', () => {
  expect(firstOfMonth('2024-02-29')).toBe('2024-02-01');
});

test('adding days and counting days undo each other, in the order of the text', () => {
  const someDate = fc.integer({ min: -700_000, max: 2_900_000 }).map((days) => addDays('1970-01-01', days));
  fc.assert(
    fc.property(someDate, fc.integer({ min: -5000, max: 5000 }), (date, days) => {
      const other = addDays(date, days);
      expect(isUsageDate(other)).toBe(true);
      expect(daysBetween(date, other)).toBe(days === 0 ? 0 : days);
      expect(Math.sign(days)).toBe(other > date ? 1 : other < date ? -1 : 0);
    }),
  );
});
