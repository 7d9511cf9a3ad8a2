// The ready-made collection over real tables: what it sums is what a plain sum by row says, in one snapshot, and whatever hinders it is
// said to a person.
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type StorageTable, sumTableStorage } from '../../src/composition/sumTableStorage.js';
import { createPostgresPool, type OwnedPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { createDatabase, type TestDatabase } from '../servers/databases.js';
import { type PgBouncer, startPgBouncer } from '../servers/pgBouncer.js';

let database: TestDatabase;
let bouncer: PgBouncer;
let pool: OwnedPostgresPool;
let client: pg.Client;

beforeAll(async () => {
  database = await createDatabase();
  bouncer = await startPgBouncer(database.url);
  // One connection: what is held while the sums are handed out would be missed at once.
  pool = createPostgresPool({ url: bouncer.through(database.url), max: 1 });
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(`
    CREATE TABLE notes (id int, tenant_id text, body text, picture bytea);
    ALTER TABLE notes ALTER COLUMN picture SET STORAGE EXTERNAL;
    INSERT INTO notes SELECT n, 't' || n % 7, repeat('word ', n % 3000), NULL FROM generate_series(1, 3000) AS n;
    INSERT INTO notes SELECT n, 'large', NULL, decode(repeat('ab', 40000), 'hex') FROM generate_series(1, 3) AS n;
    INSERT INTO notes VALUES (0, NULL, 'nobody''s', NULL);
    ALTER TABLE notes ADD COLUMN gone text; ALTER TABLE notes DROP COLUMN gone;
    CREATE SCHEMA "App ""1"".x";
    CREATE TABLE "App ""1"".x"."Files" ("Tenant Id" int, "size" numeric, label text);
    INSERT INTO "App ""1"".x"."Files" SELECT n % 5, n * 1.25, 'x' FROM generate_series(1, 1000) AS n;
    INSERT INTO "App ""1"".x"."Files" VALUES (99, 9007199254740993, ''), (100, 'NaN', ''), (101, NULL, ''), (102, -5, '');
    CREATE VIEW all_notes AS SELECT tenant_id, body FROM notes;
    CREATE TABLE many AS SELECT 'tenant-' || n AS tenant_id, n AS size FROM generate_series(1, 100000) AS n;`);
});

afterAll(async () => {
  await client?.end();
  await pool?.end();
  await bouncer?.stop();
  await database?.drop();
});

const NOTES = { table: 'notes', tenantColumn: 'tenant_id' };
const FILES = { table: '"App ""1"".x".Files', tenantColumn: 'Tenant Id', bytes: 'size' };

async function sumsOf(tables: readonly StorageTable[], timeoutMs = 60_000) {
  const collect = sumTableStorage({ tables, timeoutMs });
  const pairs = await collect({ signal: new AbortController().signal, database: pool });
  return new Map(pairs as Iterable<readonly [string, string]>);
}

async function bruteForce(sql: string): Promise<Map<string, string>> {
  const { rows } = await client.query({ text: sql, rowMode: 'array' });
  return new Map(rows.map(([tenant, bytes]) => [tenant, bytes]));
}

test('rows count as PostgreSQL stores their columns, those out of line too, and rows of nobody do not', async () => {
  const expected = await bruteForce(`
    SELECT tenant_id, sum(24 + pg_column_size(id) + pg_column_size(tenant_id) + coalesce(pg_column_size(body), 0)
                          + coalesce(pg_column_size(picture), 0))::text
    FROM notes WHERE tenant_id IS NOT NULL GROUP BY tenant_id`);
  const sums = await sumsOf([NOTES]);
  expect(sums).toEqual(expected);
  expect(Number(sums.get('large'))).toBeGreaterThan(120_000);
});

test('a row of plain columns has the size that PostgreSQL gives the whole row, but for the gaps between its columns', async () => {
  await client.query(`CREATE TABLE plain AS SELECT 'acme' AS tenant_id, 'x' AS body FROM generate_series(1, 50)`);
  const whole = await bruteForce('SELECT tenant_id, sum(pg_column_size(plain.*))::text FROM plain GROUP BY 1');
  expect(await sumsOf([{ table: 'plain', tenantColumn: 'tenant_id' }])).toEqual(whole);
});

test('a column of bytes is summed exactly, whatever its table is called, beside the rows of others', async () => {
  const expected = await bruteForce(
    'SELECT "Tenant Id"::text, trunc(sum("size"))::text FROM "App ""1"".x"."Files" GROUP BY 1',
  );
  expected.set('101', '0');
  expect(await sumsOf([FILES])).toEqual(expected);
  expect(expected.get('99')).toBe('9007199254740993');
  const both = await sumsOf([NOTES, FILES, FILES]);
  expect(both.get('3')).toBe(
    await bruteForce(
      `SELECT 'sum', (trunc(2 * sum("size")))::text FROM "App ""1"".x"."Files" WHERE "Tenant Id" = 3`,
    ).then((sums) => sums.get('sum')),
  );
  expect(both.size).toBe(expected.size + 8);
});

test('a view is a table, and a name with its schema is found', async () => {
  expect((await sumsOf([{ table: 'public.all_notes', tenantColumn: 'tenant_id' }])).size).toBe(8);
});

test('a hundred thousand tenants come through one connection, which is free again', async () => {
  const sums = await sumsOf([{ table: 'many', tenantColumn: 'tenant_id', bytes: 'size' }]);
  expect([sums.size, sums.get('tenant-77')]).toEqual([100_000, '77']);
});

test.each([
  [{ table: 'nowhere', tenantColumn: 'tenant_id' }, /tables\[0\]\.table: expected a table or view .* got "nowhere"/],
  [{ table: 'a.b.c', tenantColumn: 'tenant_id' }, /tables\[0\]\.table: expected a table or view/],
  [{ table: 'notes"; DROP TABLE notes; --', tenantColumn: 'tenant_id' }, /tables\[0\]\.table: expected a table/],
  [{ table: 'no_schema.notes', tenantColumn: 'tenant_id' }, /tables\[0\]\.table: expected a table or view/],
  [{ table: 'Notes', tenantColumn: 'tenant_id' }, /tables\[0\]\.table: expected a table or view/],
  [
    { ...NOTES, tenantColumn: 'tenant' },
    /tenantColumn: expected a column of notes \(id, tenant_id, body, picture\), got "tenant"/,
  ],
  [{ ...NOTES, bytes: 'size' }, /bytes: expected a column of notes .* got "size"/],
  [{ ...NOTES, bytes: 'body' }, /bytes: expected a column of numbers, got "body" of notes/],
])('%j is refused by name, and the connection is as before', async (table, message) => {
  await expect(sumsOf([table])).rejects.toMatchObject({
    code: 'invalid_configuration',
    message: expect.stringMatching(message),
  });
  expect((await sumsOf([NOTES])).size).toBe(8);
});

test('a table that its role may not read, or not wholly, ends the run: a part of the truth would be billed', async () => {
  await client.query(`
    CREATE TABLE secret AS SELECT 'acme' AS tenant_id;
    CREATE TABLE guarded AS SELECT 'acme' AS tenant_id;
    ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
    CREATE ROLE ${role()} LOGIN; GRANT SELECT ON guarded TO ${role()}`);
  const url = new URL(database.url);
  url.username = role();
  const limited = createPostgresPool({ url: url.href, max: 1 });
  const sum = async (table: string) => {
    const collect = sumTableStorage({ tables: [{ table, tenantColumn: 'tenant_id' }], pool: limited });
    return collect({ signal: new AbortController().signal, database: pool });
  };
  try {
    await expect(sum('secret')).rejects.toThrow(
      'PostgreSQL does not sum the tables: permission denied for table secret',
    );
    await expect(sum('guarded')).rejects.toThrow(/row-level security policy for table "guarded"/);
  } finally {
    await limited.end();
    await client.query(`DROP OWNED BY ${role()}; DROP ROLE ${role()}`);
  }
});

// Roles are the server's, which several runs may share.
const role = () => new URL(database.url).pathname.slice(1);

test('a sum that takes too long is ended by the server, and says which option bounds it', async () => {
  await client.query('CREATE VIEW slow AS SELECT tenant_id, pg_sleep(60)::text FROM notes');
  await expect(sumsOf([{ table: 'slow', tenantColumn: 'tenant_id' }], 50)).rejects.toThrow(
    /one may take 50 ms \(timeoutMs\)/,
  );
});

test('options that cannot be are refused at once, each with where it stands', () => {
  const given: readonly (readonly [string, string])[] = [
    ['{}', 'sumTableStorage: tables: expected a list of at least one table'],
    ['{ "tables": [] }', 'sumTableStorage: tables: expected a list of at least one table'],
    ['{ "tables": [{ "table": "" }] }', 'tables[0].table: expected a name'],
    ['{ "tables": [{ "table": "a" }] }', 'tables[0].tenantColumn: expected a name'],
    ['{ "tables": [{ "table": "a", "tenantColumn": "b", "column": "c" }] }', 'tables[0].column: expected one of table'],
    ['{ "tables": [{ "table": "a", "tenantColumn": "b" }], "timeoutMs": 0 }', 'timeoutMs: expected whole milliseconds'],
    ['{ "tables": [{ "table": "a", "tenantColumn": "b" }], "pool": {} }', 'pool: expected a pool of pg'],
  ];
  for (const [options, message] of given) expect(() => sumTableStorage(JSON.parse(options))).toThrow(message);
});
