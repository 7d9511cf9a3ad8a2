import { expect, test } from 'vitest';
import { isTimeZone } from './calendar.js';
import { zoneOf } from './zone.js';

test.each([
  'UTC',
  'Europe/Berlin',
  'Etc/GMT+5',
  'America/Argentina/Buenos_Aires',
  'America/Port-au-Prince',
  'EST',
  'GMT',
])('%s is a time zone', (name) => {
  expect(isTimeZone(name)).toBe(true);
});

test.each([
  '',
  '+05:30',
  '-08',
  '+05',
  'Z',
  'Mars/Olympus',
  'Europe/Berlin ',
  ' UTC',
  'Europe/Berlin\0',
  '__proto__',
  `A${'a'.repeat(99)}`,
])('%j is none', (name) => {
  expect(isTimeZone(name)).toBe(false);
});

test('a zone that the runtime does not know is a fault that names it', () => {
  expect(() => zoneOf('Mars/Olympus')).toThrow(expect.objectContaining({ code: 'invalid_configuration' }));
  expect(() => zoneOf('+05:30')).toThrow('got "+05:30"');
});

test('more zones and days than are kept do not change an answer', () => {
  const names = Intl.supportedValuesOf('timeZone').filter((name) => isTimeZone(name));
  const day = 19_800;
  const ask = (): number[] => names.map((name) => zoneOf(name).startOf(day));
  const first = ask();
  const berlin = zoneOf('Europe/Berlin');
  const starts = Array.from({ length: 4000 }, (_, index) => berlin.startOf(day - index));
  expect(ask()).toEqual(first);
  expect(Array.from({ length: 4000 }, (_, index) => berlin.startOf(day - index))).toEqual(starts);
});
