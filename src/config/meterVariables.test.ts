import { expect, it } from 'vitest';
import { readConfig } from '../config.js';
import type { Fault, TallygateError } from '../core/errors.js';

function faultsOf(text: string): readonly Fault[] {
  try {
    readConfig({ USAGE_METERS: text });
  } catch (error) {
    return (error as TallygateError).faults;
  }
  return [];
}

it('meters are read by name, with their kinds and units', () => {
  const { meters } = readConfig({ USAGE_METERS: 'tokens:counter:token, seats:level:seat,constructor:counter:x' });
  expect([...meters]).toEqual([
    ['tokens', { kind: 'counter', unit: 'token' }],
    ['seats', { kind: 'level', unit: 'seat' }],
    ['constructor', { kind: 'counter', unit: 'x' }],
  ]);
});

it.each([
  ['tokens', 'expected meters as name:kind:unit'],
  ['tokens:counter', 'expected meters as name:kind:unit'],
  ['tokens:counter:token:x', 'expected meters as name:kind:unit'],
  ['tokens:counter:token,', 'expected meters as name:kind:unit'],
  ['tokens:gauge:token', 'tokens.kind: expected "counter" or "level", got "gauge"'],
  ['tokens:counter:', 'tokens.unit: expected the name of one of it'],
  ['Tokens:counter:token', 'Tokens: expected a name of small letters'],
  ['__proto__:counter:token', '__proto__: expected a name of small letters'],
  ['api_calls:counter:call', 'api_calls: expected another name'],
  ['tokens:counter:token,tokens:level:token', 'expected each meter once, got "tokens"'],
  [Array.from({ length: 33 }, (_, at) => `m${at}:counter:m`).join(), 'expected at most 32 meters, got 33'],
])('%s is refused by the name of the variable, with what was expected and found', (text, says) => {
  expect(faultsOf(text)).toEqual([{ location: 'USAGE_METERS', message: expect.stringContaining(says) }]);
});

it('all that is wrong is told at once', () => {
  expect(faultsOf('tokens:gauge:,units:counter:unit,seats')).toHaveLength(4);
});
