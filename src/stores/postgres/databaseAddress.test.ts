import { describe, expect, test } from 'vitest';
import { parseDatabaseUrl, schemaFault } from './databaseAddress.js';

describe('an address is taken apart', () => {
  test.each([
    ['postgres://u:p@h:5432/d', 'postgres://u:p@h:5432/d', 'tallygate'],
    ['postgresql://u@h/d?schema=usage', 'postgresql://u@h/d', 'usage'],
    ['postgresql://u@h/d?sslmode=require&schema=My-Schema_2', 'postgresql://u@h/d?sslmode=require', 'My-Schema_2'],
    [`postgres://h/d?schema=${'x'.repeat(63)}`, 'postgres://h/d', 'x'.repeat(63)],
  ])('%s', (text, url, schema) => {
    expect(parseDatabaseUrl(text)).toEqual({ url, schema });
  });

  test.each([
    ['no address', 'host=localhost'],
    ['another protocol', 'mysql://u:secret@h/d'],
    ['an empty schema', 'postgres://u:secret@h/d?schema='],
    ['two schemas', 'postgres://u:secret@h/d?schema=a&schema=b'],
    ['a quoted schema', 'postgres://u:secret@h/d?schema=%22a%22'],
    ['a reserved schema', 'postgres://u:secret@h/d?schema=pg_x'],
    ['a schema that PostgreSQL would cut', `postgres://u:secret@h/d?schema=${'x'.repeat(64)}`],
  ])('%s is refused without repeating the address', (_, text) => {
    const parse = () => parseDatabaseUrl(text);
    expect(parse).toThrow(expect.objectContaining({ code: 'invalid_configuration' }));
    expect(parse).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret') }));
  });
});

test('names that PostgreSQL keeps for itself hold no tables', () => {
  expect(schemaFault('information_schema')).toBeDefined();
  expect(schemaFault('pg_catalog')).toBeDefined();
  expect(schemaFault('page')).toBeUndefined();
});
