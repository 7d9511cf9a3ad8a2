// Up to when everything is in the ledger, with a real database: what is claimed, and what a report and the close of a month make of it.
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readConfig } from '../../src/config.js';
import { postgresLedger } from '../../src/stores/postgres/postgresLedger.js';
import { createPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { createTallygate, openInstallation, type Tallygate } from '../../src/tallygate.js';
import { batchOf, callsOf } from '../../src/testing/usageLedgerCase.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { newFolder } from '../servers/runFolder.js';
import { until } from '../servers/until.js';

let database: TestDatabase;
let client: pg.Client;
let tallygate: Tallygate;
const env = () => ({
  DATABASE_URL: database.url,
  TALLYGATE_DATA_DIR: newFolder('data'),
  USAGE_METER_FLUSH_INTERVAL_MS: '3600000',
  LOG_LEVEL: 'silent',
});

beforeAll(async () => {
  database = await createMigratedDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  for (const [name, value] of Object.entries(env())) vi.stubEnv(name, value);
  tallygate = createTallygate();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await tallygate?.close();
  await client?.end();
  await database?.drop();
});

it('how long ago it was is asked once the transaction has begun, so that a wait for a connection claims nothing', async () => {
  const pool = createPostgresPool({ url: database.url, max: 1 });
  const ledger = postgresLedger(pool, { schema: 'tallygate' });
  const producerId = await ledger.newProducerId();
  await ledger.registerProducer(producerId, { host: 'test', pid: 1 });
  const held = await pool.connect();
  let asked = 0;
  const allBookedAgoMs = () => {
    asked += 1;
    return 0;
  };
  const applying = ledger.apply({
    ...batchOf(producerId, 0, 1, { calls: [callsOf('a', '2024-02-29', 1)] }),
    allBookedAgoMs,
  });
  await client.query('SELECT 1');
  expect(asked).toBe(0);
  held.release();
  await applying;
  expect(asked).toBe(1);
  await ledger.touchProducer(producerId, true);
  await pool.end();
});

it('a month is complete, and can be closed, once every living process has flushed past it', async () => {
  // A process that lives elsewhere: it has brought something of January, and nothing since.
  const other = '01900000-0000-7000-8000-000000000001';
  await client.query(
    `INSERT INTO tallygate.usage_producer (id, last_record, host, pid, first_seen_at, last_seen_at, has_journal, flushed_until)
     VALUES ('${other}', 3, 'elsewhere', 4711, now(), now(), true, '2026-09-30T23:59:00Z')`,
  );
  await tallygate.usage.record('acme', { apiCalls: 3, at: new Date(Date.now() - 3 * 86_400_000) });
  await tallygate.flush();
  await client.query(`UPDATE tallygate.tenant_usage SET usage_date = '2026-10-05' WHERE tenant_id = 'acme'`);
  const period = { from: '2026-10-01', to: '2026-10-31' };
  expect((await tallygate.usage.query('acme', period)).complete).toBe(false);
  // Of an installation that is opened for a command.
  const installation = openInstallation(readConfig({ ...env(), LOG_LEVEL: 'silent' }));
  try {
    await installation.ready();
    const { closedPeriods } = installation;
    const close = (incomplete: boolean) => closedPeriods.close('acme', '2026-10', { author: 'test', incomplete });
    await expect(close(false)).rejects.toThrow(/process 4711 on elsewhere has brought usage up to 2026-09-30/);
    // A version that does not say it is taken at its last word.
    await client.query(`UPDATE tallygate.usage_producer SET flushed_until = NULL WHERE id = '${other}'`);
    expect((await tallygate.usage.query('acme', period)).complete).toBe(true);
    await client.query(`UPDATE tallygate.usage_producer SET flushed_until = '2026-11-02' WHERE id = '${other}'`);
    expect((await close(false)).closed).toMatchObject({ complete: true });
  } finally {
    await installation.close();
  }
});

it('who is asked to flush does so without traffic, and says so', async () => {
  await tallygate.usage.record('acme', { apiCalls: 1 });
  await client.query('UPDATE tallygate.ledger SET flush_asked_at = clock_timestamp()');
  const hasAnswered = async () => {
    const { rows } = await client.query(
      `SELECT FROM tallygate.usage_producer, tallygate.ledger WHERE pid = ${process.pid} AND flushed_until >= flush_asked_at`,
    );
    return rows.length > 0;
  };
  await until(hasAnswered, { deadlineMs: 30_000 });
});

it('a tenant whose only row is in the quarantine is known, with zeros and the number of such rows', async () => {
  const content = JSON.stringify({ tenantId: 'put-aside', usageDate: '2026-10-05', apiCalls: -1 });
  await client.query(
    `INSERT INTO tallygate.quarantine (id, producer_id, from_record, to_record, kind, content, reason, quarantined_at)
     VALUES (gen_random_uuid(), gen_random_uuid(), 0, 1, 'call', $1, 'below 0', now())`,
    [content],
  );
  const { totals, quarantinedRows } = await tallygate.usage.query('put-aside');
  expect([totals.apiCalls, totals.noData, quarantinedRows]).toEqual([0, true, 1]);
});
