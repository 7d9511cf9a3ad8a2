// Our runner beside itself, beside Prisma's, and in a schema that is not ours.
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openInMemoryPostgres } from '../../src/embedded/embeddedPostgres.js';
import { isUpToDate, migrate, migrationStatus } from '../../src/stores/postgres/migrate.js';
import { type MigrationFile, migrationFiles } from '../../src/stores/postgres/migrationFiles.js';
import {
  createPostgresPool,
  createStreamPool,
  type OwnedPostgresPool,
} from '../../src/stores/postgres/postgresPool.js';
import { createDatabase, type TestDatabase } from '../servers/databases.js';
import { until } from '../servers/until.js';

const SHIPPED = migrationFiles().map((file) => file.name);

let database: TestDatabase;
let pool: OwnedPostgresPool;
let client: pg.Client;
beforeEach(async () => {
  database = await createDatabase();
  pool = createPostgresPool({ url: database.url, max: 2 });
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterEach(async () => {
  await client?.end();
  await pool?.end();
  await database?.drop();
});

const rowsOf = async (sql: string): Promise<Record<string, unknown>[]> => (await client.query(sql)).rows;
const tablesOf = async (schema: string): Promise<string[]> =>
  (await rowsOf(`SELECT tablename FROM pg_tables WHERE schemaname = '${schema}' ORDER BY 1`)).map((row) =>
    String(row.tablename),
  );

/** A migration that is not shipped, `name` after all of them. */
const further = (name: string, sql: string): MigrationFile => ({ name: `29990101000000_${name}`, sql, checksum: name });

describe('managed', () => {
  test('everything is made in its own schema and recorded as Prisma does; again does nothing', async () => {
    const before = await migrationStatus(pool, { schema: 'tallygate' });
    expect(before).toMatchObject({ mode: 'managed', applied: [], pending: SHIPPED, unknown: [] });
    expect(isUpToDate(before)).toBe(false);
    expect(await tablesOf('tallygate')).toEqual([]); // a status makes nothing

    const result = await migrate(pool, { schema: 'tallygate' });
    expect(result).toMatchObject({ applied: SHIPPED, pending: [], unknown: [], appliedNow: SHIPPED });
    expect(isUpToDate(result)).toBe(true);
    expect(await tablesOf('public')).toEqual([]);
    const recorded = await rowsOf('SELECT * FROM tallygate._prisma_migrations ORDER BY migration_name');
    expect(recorded).toEqual(
      migrationFiles().map((file) => ({
        id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
        checksum: file.checksum,
        finished_at: expect.any(Date),
        migration_name: file.name,
        logs: null,
        rolled_back_at: null,
        started_at: expect.any(Date),
        applied_steps_count: 1,
      })),
    );
    expect(await migrate(pool, { schema: 'tallygate' })).toMatchObject({ appliedNow: [], applied: SHIPPED });
    expect(await rowsOf('SELECT * FROM tallygate._prisma_migrations ORDER BY migration_name')).toEqual(recorded);
  });

  test('several installations share a database, each in a schema of its own', async () => {
    await migrate(pool, { schema: 'one' });
    await migrate(pool, { schema: 'Two-2' });
    expect(await tablesOf('Two-2')).toEqual(await tablesOf('one'));
  });

  test('a role that may not create schemas migrates one that was made for it', async () => {
    const role = `r_${new URL(database.url).pathname.slice(1)}`;
    await client.query(`CREATE ROLE "${role}" LOGIN PASSWORD 'x'; CREATE SCHEMA made AUTHORIZATION "${role}"`);
    const url = new URL(database.url);
    url.username = role;
    url.password = 'x';
    const own = createPostgresPool({ url: url.href, max: 1 });
    try {
      expect(await migrate(own, { schema: 'made' })).toMatchObject({ appliedNow: SHIPPED });
      const refused = migrate(own, { schema: 'unmade' });
      await expect(refused).rejects.toMatchObject({ message: expect.stringContaining('permission denied') });
    } finally {
      await own.end();
      await client.query(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
    }
  });

  test('eight that migrate at once apply each migration once, and none fails', async () => {
    const files = [
      ...migrationFiles(),
      further('a', 'CREATE TABLE later_a ()'),
      further('b', 'CREATE TABLE later_b ()'),
    ];
    const pools = Array.from({ length: 8 }, () => createPostgresPool({ url: database.url, max: 1 }));
    try {
      const results = await Promise.all(pools.map((one) => migrate(one, { schema: 'tallygate', files })));
      expect(results.flatMap((result) => result.appliedNow).sort()).toEqual(files.map((file) => file.name));
      for (const result of results) expect(result.pending).toEqual([]);
    } finally {
      await Promise.all(pools.map((one) => one.end()));
    }
    expect(await rowsOf('SELECT 1 FROM tallygate._prisma_migrations')).toHaveLength(files.length);
  });

  test('it waits while Prisma holds the lock that both use', async () => {
    await client.query('SELECT pg_advisory_lock(72707369)');
    const migrating = migrate(pool, { schema: 'tallygate' });
    const waiting = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 72707369 AND NOT granted`;
    await until(async () => (await rowsOf(waiting)).length === 1, { what: 'the runner waits for the lock' });
    expect(await tablesOf('tallygate')).toEqual([]);
    await client.query('SELECT pg_advisory_unlock(72707369)');
    expect(await migrating).toMatchObject({ appliedNow: SHIPPED });
  });

  test('a migration that fails leaves nothing of itself, keeps those before it, and can be run again', async () => {
    const broken = further('broken', 'CREATE TABLE half (); SELECT 1/0');
    const files = [...migrationFiles(), broken];
    await expect(migrate(pool, { schema: 'tallygate', files })).rejects.toMatchObject({
      code: 'ledger_refused',
      message: expect.stringContaining(broken.name),
    });
    expect(await tablesOf('tallygate')).not.toContain('half');
    expect(await migrationStatus(pool, { schema: 'tallygate', files })).toMatchObject({
      applied: SHIPPED,
      pending: [broken.name],
    });
    const mended = [...migrationFiles(), { ...broken, sql: 'CREATE TABLE half ()' }];
    expect(await migrate(pool, { schema: 'tallygate', files: mended })).toMatchObject({ appliedNow: [broken.name] });
  });

  test('a table in use is not waited for longer than 5 s: whoever comes behind would wait as well', async () => {
    await migrate(pool, { schema: 'tallygate' });
    await client.query('BEGIN; LOCK TABLE tallygate.tenant IN ACCESS SHARE MODE');
    const files = [...migrationFiles(), further('wide', 'ALTER TABLE tenant ADD COLUMN wide TEXT')];
    const startedAt = performance.now();
    await expect(migrate(pool, { schema: 'tallygate', files })).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(performance.now() - startedAt).toBeGreaterThan(4_500);
    await client.query('ROLLBACK');
    expect(await migrate(pool, { schema: 'tallygate', files })).toMatchObject({ appliedNow: ['29990101000000_wide'] });
  });

  test('an applied migration that was edited is refused, with both checksums', async () => {
    await migrate(pool, { schema: 'tallygate' });
    const files = migrationFiles().map((file) => ({ ...file, checksum: 'edited' }));
    for (const run of [migrate, migrationStatus]) {
      await expect(run(pool, { schema: 'tallygate', files })).rejects.toMatchObject({
        code: 'ledger_mismatch',
        message: expect.stringMatching(new RegExp(`${SHIPPED[0]}.*${migrationFiles()[0]?.checksum}.*edited`)),
      });
    }
  });

  test('one that began and did not end is refused; one that was rolled back is as if it had never been', async () => {
    await migrate(pool, { schema: 'tallygate' });
    await client.query('UPDATE tallygate._prisma_migrations SET finished_at = NULL');
    const failed = { code: 'ledger_mismatch', message: expect.stringContaining('did not end') };
    await expect(migrate(pool, { schema: 'tallygate' })).rejects.toMatchObject(failed);
    await client.query('UPDATE tallygate._prisma_migrations SET rolled_back_at = now()');
    expect(await migrationStatus(pool, { schema: 'tallygate' })).toMatchObject({ applied: [], pending: SHIPPED });
  });

  test('a database that a newer version migrated is left as it is, unless something of ours is missing', async () => {
    const newer = [...migrationFiles(), further('newer', 'SELECT 1')];
    await migrate(pool, { schema: 'tallygate', files: newer });
    const result = await migrate(pool, { schema: 'tallygate' });
    expect(result).toMatchObject({ mode: 'managed', appliedNow: [], pending: [], unknown: ['29990101000000_newer'] });
    expect(isUpToDate(result)).toBe(true);
    await client.query(`DELETE FROM tallygate._prisma_migrations WHERE migration_name = '${SHIPPED[0]}'`);
    await client.query(`INSERT INTO tallygate._prisma_migrations (id, checksum, finished_at, migration_name)
      VALUES ('x', 'ours', now(), '20000101000000_ours')`);
    const files = [{ name: '20000101000000_ours', sql: '', checksum: 'ours' }, ...migrationFiles()];
    const refused = { code: 'ledger_mismatch', message: expect.stringContaining('29990101000000_newer') };
    await expect(migrate(pool, { schema: 'tallygate', files })).rejects.toMatchObject(refused);
  });
});

describe('adopted', () => {
  /** As a team's own `prisma migrate` leaves it. */
  const adopt = async () => {
    await migrate(pool, { schema: 'team' });
    await client.query(`DELETE FROM team._prisma_migrations WHERE migration_name <> '${SHIPPED[0]}'`);
    await client.query(
      `UPDATE team._prisma_migrations SET migration_name = '20250101000000_their_own', checksum = 'theirs'`,
    );
  };

  test('tables that the team made are enough, and nothing of ours is written', async () => {
    await adopt();
    await client.query('ALTER TABLE team.tenant ADD COLUMN note TEXT; CREATE TABLE team.orders ()');
    const result = await migrate(pool, { schema: 'team' });
    expect(result).toMatchObject({ mode: 'adopted', applied: [], pending: [], missing: [], appliedNow: [] });
    expect(isUpToDate(result)).toBe(true);
    const names = await rowsOf('SELECT migration_name FROM team._prisma_migrations');
    expect(names).toEqual([{ migration_name: '20250101000000_their_own' }]);
  });

  test('what the team has yet to make is named, and not made', async () => {
    await adopt();
    await client.query('DROP TABLE team.usage_gap; ALTER TABLE team.tenant_usage DROP COLUMN storage_byte_ms');
    await expect(migrate(pool, { schema: 'team' })).rejects.toMatchObject({
      code: 'migrations_pending',
      message: expect.stringMatching(/their_own.*tenant_usage\.storage_byte_ms.*usage_gap\.producer_id/s),
    });
    const status = await migrationStatus(pool, { schema: 'team' });
    expect(isUpToDate(status)).toBe(false);
    expect(status.missing).toContain('usage_gap.to_record');
    expect(await tablesOf('team')).not.toContain('usage_gap');
  });
});

test('the embedded database is migrated in the same way', async () => {
  const embedded = await openInMemoryPostgres();
  const own = createStreamPool(embedded.poolOptions);
  try {
    const [first, second] = await Promise.all([1, 2].map(() => migrate(own, { schema: 'tallygate' })));
    // Each file is a transaction of its own: both may have applied some.
    expect([...(first?.appliedNow ?? []), ...(second?.appliedNow ?? [])].sort()).toEqual(SHIPPED);
  } finally {
    await own.end();
    await embedded.close();
  }
});

test('a database that does not answer is unavailable, not broken', async () => {
  const away = createPostgresPool({ url: 'postgres://nobody@127.0.0.1:1/none', max: 1 });
  await expect(migrate(away, { schema: 'tallygate' })).rejects.toMatchObject({ code: 'ledger_unavailable' });
  await away.end();
});
