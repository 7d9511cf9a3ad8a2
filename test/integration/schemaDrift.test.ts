// schema.prisma and the migrations say the same, by Prisma's own engine; and what our runner wrote is what Prisma would have.
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { migrate } from '../../src/stores/postgres/migrate.js';
import { createPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { createDatabase, type TestDatabase } from '../servers/databases.js';
import { type EngineTarget, migrationList, type PrismaEngine, prismaEngine } from './prismaEngine.js';

const DATAMODEL = readFileSync('prisma/schema.prisma', 'utf8');
const NO_FILTERS = { externalTables: [], externalEnums: [] };

const opened: PrismaEngine[] = [];
const databases: TestDatabase[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  for (const one of databases.splice(0)) await one.drop();
});

async function engineOf(datamodel: string, target?: EngineTarget) {
  const made = await prismaEngine(datamodel, target);
  opened.push(made);
  return made.engine;
}

/** What the migrations lack of a datamodel: 0 and nothing where they make exactly it, 2 and the difference otherwise. */
async function drift(datamodel: string): Promise<{ exitCode: number; stdout: string | null }> {
  const engine = await engineOf(datamodel);
  return engine.diff({
    from: { tag: 'migrations', ...migrationList() },
    to: { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content: datamodel }] },
    script: true,
    exitCode: true,
    filters: NO_FILTERS,
  });
}

test('the migrations make exactly what schema.prisma describes', async () => {
  expect(await drift(DATAMODEL)).toMatchObject({ exitCode: 0 });
});

test('a column that schema.prisma loses, renames, or types otherwise is drift', async () => {
  const changes: [change: (datamodel: string) => string, says: RegExp][] = [
    [(text) => text.replace(/^.*@map\("active_users"\).*$/m, ''), /DROP COLUMN "active_users"/],
    [(text) => text.replace('@map("api_calls")', '@map("calls")'), /ADD COLUMN +"calls"/],
    [(text) => text.replace('dayMask  Int ', 'dayMask  BigInt '), /"day_mask" SET DATA TYPE BIGINT/],
    [(text) => text.replace('@@index([version])', ''), /DROP INDEX .*"tenant_version_idx"/],
  ];
  let changed = DATAMODEL;
  for (const [change] of changes) {
    const before = changed;
    changed = change(before);
    expect(changed).not.toBe(before);
  }
  const { exitCode, stdout } = await drift(changed);
  expect(exitCode).toBe(2);
  for (const [, says] of changes) expect(stdout).toMatch(says);
});

test('what our runner wrote is, to Prisma, a history without a fault; an edited migration is named', async () => {
  const database = await createDatabase();
  databases.push(database);
  const pool = createPostgresPool({ url: database.url, max: 1 });
  await migrate(pool, { schema: 'tallygate' }).finally(() => pool.end());
  const engine = await engineOf(DATAMODEL, { url: database.url, schema: 'tallygate' });
  const diagnosis = (migrationsList: ReturnType<typeof migrationList>) =>
    engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: false, filters: NO_FILTERS });
  expect(await diagnosis(migrationList())).toEqual({
    editedMigrationNames: [],
    failedMigrationNames: [],
    hasMigrationsTable: true,
    history: null,
  });
  const edited = await diagnosis(migrationList((sql) => `${sql}\n-- edited`));
  expect(edited.editedMigrationNames).toEqual(migrationList().migrationDirectories.map(({ path }) => path));
});
