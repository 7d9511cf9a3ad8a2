import { expect, test } from 'vitest';
import { MasterSources } from './masterSources.js';
import type { NodeSource } from './redisSession.js';

const none = (): NodeSource => ({ server: '', make: () => Promise.reject(new Error('never asked')) });

test('a master is reached as its own client says, a server that no table named by the address in the redirection', () => {
  const made: unknown[][] = [];
  const sources = new MasterSources<string>((...of) => {
    made.push(of);
    return none();
  });
  sources.add('127.0.0.1:7000', 'client of 7000');
  expect(sources.has('127.0.0.1:7000')).toBe(true);
  expect(sources.at('127.0.0.1:7000')).toBe(sources.at('127.0.0.1:7000'));
  sources.at('::1:7001');
  expect(made).toEqual([
    ['client of 7000', '127.0.0.1:7000'],
    ['client of 7000', '::1:7001', { host: '::1', port: 7001 }],
  ]);
});

test('without any master there is nothing to take after', () => {
  expect(() => new MasterSources(none).at('127.0.0.1:7000')).toThrow(/expected a master/);
});
