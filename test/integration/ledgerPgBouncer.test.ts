// Everything that stands on PostgreSQL works behind PgBouncer in transaction mode, where each transaction may run on another
// connection and nothing that was said to one is remembered: the ledger's conformance suite, migrations, settings.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../src/stores/postgres/migrate.js';
import { postgresLedger } from '../../src/stores/postgres/postgresLedger.js';
import { createPostgresPool, type OwnedPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { postgresTenantDirectory } from '../../src/stores/postgres/postgresTenantDirectory.js';
import { usageLedgerCases } from '../../src/testing/index.js';
import { createDatabase, type TestDatabase } from '../servers/databases.js';
import { type PgBouncer, startPgBouncer } from '../servers/pgBouncer.js';

const schema = 'tallygate';
let database: TestDatabase;
let bouncer: PgBouncer;
let pool: OwnedPostgresPool;

beforeAll(async () => {
  database = await createDatabase();
  bouncer = await startPgBouncer(database.url);
  pool = createPostgresPool({ url: bouncer.through(database.url) });
  await migrate(pool, { schema });
}, 330_000);

afterAll(async () => {
  await pool?.end();
  await bouncer?.stop();
  await database?.drop();
});

for (const { name, run } of usageLedgerCases) test(name, () => run(() => postgresLedger(pool, { schema })));

test('several that migrate at once wait for each other', async () => {
  const other = { schema: 'at_once' };
  const results = await Promise.all(Array.from({ length: 8 }, () => migrate(pool, other)));
  expect(results.flatMap(({ appliedNow }) => appliedNow).sort()).toEqual(results[0]?.applied);
});

test('settings are changed by many at once, each with a version of its own', async () => {
  const directory = postgresTenantDirectory(pool, { schema });
  const content = { limits: new Map(), timeZone: undefined, billingAnchorDay: undefined, earlierCalendars: [] };
  const tenants = Array.from({ length: 20 }, (_, index) => `tenant-${index}`);
  const changed = await Promise.all(tenants.map((one) => directory.change(one, () => ({ ...content, plan: 'pro' }))));
  expect(new Set(changed.map(({ version }) => version)).size).toBe(tenants.length);
  expect((await directory.loadAll()).settings).toHaveLength(tenants.length);
  expect(await directory.readVersion()).toBe(Math.max(...changed.map(({ version }) => version)));
});
