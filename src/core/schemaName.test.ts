import { describe, expect, it } from 'vitest';
import { DEFAULT_SCHEMA, schemaFault } from './schemaName.js';

describe('a schema can hold the tables', () => {
  it.each([DEFAULT_SCHEMA, 'Tally_Gate-2', '_t', 'a'.repeat(63)])(
    'where PostgreSQL keeps its name whole: %s',
    (schema) => {
      expect(schemaFault(schema)).toBeUndefined();
    },
  );

  it.each(['', 'pg_mine', 'information_schema', '1st', '-t', 'a b', 'a"b', 'a;b', 'ä', 'a'.repeat(64)])(
    'and not where the name is reserved, cut off, or more than a name: %s',
    (schema) => {
      expect(schemaFault(schema)).toContain('expected 1 to 63 letters');
    },
  );
});
