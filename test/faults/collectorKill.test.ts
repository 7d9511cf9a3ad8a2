// A process is killed in the middle of its collection of storage: its claim keeps the others away for a while, then one of them takes
// over, and the levels are what that one told.
import { resolve } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { postgresCollections } from '../../src/stores/postgres/postgresCollections.js';
import { createPostgresPool, type OwnedPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type PgBouncer, startPgBouncer } from '../servers/pgBouncer.js';
import { newFolder } from '../servers/runFolder.js';

/** For a busy machine. */
const START_MS = 60_000;
const HOUR_MS = 3_600_000;

let database: TestDatabase;
let bouncer: PgBouncer;
let pool: OwnedPostgresPool;
let client: pg.Client;
const started: StartedProcess[] = [];

beforeAll(async () => {
  database = await createMigratedDatabase();
  bouncer = await startPgBouncer(database.url);
  pool = createPostgresPool({ url: bouncer.through(database.url) });
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
}, 330_000);
afterEach(async () => {
  await Promise.all(started.splice(0).map((one) => one.end()));
});
afterAll(async () => {
  await client?.end();
  await pool?.end();
  await bouncer?.stop();
  await database?.drop();
});

async function start(collect: 'hang' | 'work'): Promise<StartedProcess> {
  const env = {
    COLLECT: collect,
    DATABASE_URL: bouncer.through(database.url),
    TALLYGATE_DATA_DIR: newFolder('collector'),
    USAGE_METER_FLUSH_INTERVAL_MS: '250',
  };
  const one = await startProcess('node', [resolve(__dirname, 'collectorProcess.mjs')], { env });
  started.push(one);
  return one;
}

const levels = async () =>
  (
    await client.query(
      `SELECT storage_last_bytes::integer AS bytes, count(*)::integer AS tenants
       FROM tallygate.tenant_usage WHERE storage_last_at IS NOT NULL GROUP BY 1 ORDER BY 1`,
    )
  ).rows;

test('who is killed in a collection is replaced once its claim has ended, also behind PgBouncer', async () => {
  const collections = postgresCollections(pool, { schema: 'tallygate' });
  const dying = await start('hang');
  await dying.waitForLine(/^told$/, START_MS);
  dying.kill('SIGKILL');
  await dying.exit;
  const { runNumber, last, claimedUntilMs, nowMs } = await collections.state();
  expect([runNumber, last, (claimedUntilMs ?? 0) > nowMs]).toEqual([1, undefined, true]);
  const claim = { after: 1, everyMs: HOUR_MS, holdMs: HOUR_MS, retryMs: HOUR_MS };
  expect(await collections.claim(claim)).toBeUndefined();
  // A minute goes by, by the ledger's clock.
  await client.query(
    `UPDATE tallygate.storage_collection
     SET claimed_until = claimed_until - interval '1 minute', retry_at = retry_at - interval '1 minute'`,
  );
  const next = await start('work');
  await next.waitForLine(/^collected$/, START_MS);
  // Of the 1,000 that the dead process had booked 500 are there still; it had noted no others.
  expect(await levels()).toEqual([
    { bytes: 0, tenants: 500 },
    { bytes: 2, tenants: 500 },
  ]);
  expect(await collections.state()).toMatchObject({ runNumber: 2, failures: 0, last: { runNumber: 2, tenants: 500 } });
  // Nothing of the collection holds its process open.
  expect(await next.exit).toEqual({ code: 0, signal: null });
});
