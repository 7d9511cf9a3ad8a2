import { expect, it } from 'vitest';
import type { Fault } from '../core/errors.js';
import { readCollectStorage } from './storageCollection.js';

const collect = () => [];
const read = (given: unknown) => {
  const faults: Fault[] = [];
  const choice = readCollectStorage(given, faults);
  return { choice, faults: faults.map(({ location, message }) => `${location}: ${message}`) };
};

it('a function is called once an hour, unless the option says otherwise', () => {
  expect(read(undefined)).toEqual({ choice: undefined, faults: [] });
  expect(read(collect)).toEqual({ choice: { collect, everyMs: 3_600_000 }, faults: [] });
  expect(read({ collect })).toEqual({ choice: { collect, everyMs: 3_600_000 }, faults: [] });
  expect(read({ collect, everyMinutes: 1_440 })).toEqual({ choice: { collect, everyMs: 86_400_000 }, faults: [] });
});

it.each<[unknown, RegExp]>([
  [null, /^collectStorage: expected a function, or \{collect, everyMinutes\}, got null$/],
  ['files', /^collectStorage: .* got string$/],
  [{}, /^collectStorage\.collect: expected a function, got undefined$/],
  [{ collect: 'files' }, /^collectStorage\.collect: .* got string$/],
  [{ collect, every: 5 }, /^collectStorage\.every: expected collect or everyMinutes$/],
  [{ collect, everyMinutes: 0 }, /^collectStorage\.everyMinutes: expected whole minutes from 1 to 1440, got 0$/],
  [{ collect, everyMinutes: 1_441 }, /got 1441$/],
  [{ collect, everyMinutes: 1.5 }, /got 1.5$/],
  [{ collect, everyMinutes: '60' }, /got "60"$/],
])('%o is refused, and it is said what was expected', (given, message) => {
  expect(read(given).faults).toEqual([expect.stringMatching(message)]);
});
