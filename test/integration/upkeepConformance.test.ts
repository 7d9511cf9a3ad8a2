// A ledger's upkeep keeps the same guarantees on PostgreSQL on a server and on the embedded database; and what only a look into the
// tables can bring about: a row that they refuse at first and take later.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { UsageSums } from '../../src/ports/usageLedger.js';
import { migrate } from '../../src/stores/postgres/migrate.js';
import { postgresLedger } from '../../src/stores/postgres/postgresLedger.js';
import { createPostgresPool, type PostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { postgresUpkeep } from '../../src/stores/postgres/postgresUpkeep.js';
import { ledgerUpkeepCases } from '../../src/testing/ledgerUpkeepCases.js';
import { batchOf, callsOf, freshHash, freshTenant, uuidAt } from '../../src/testing/usageLedgerCase.js';
import { createMigratedDatabase } from '../servers/databases.js';
import { embeddedPool } from './embeddedPool.js';

const SCHEMA = 'tallygate';

interface Opened {
  readonly pool: PostgresPool;
  readonly url?: string;
  readonly close: () => Promise<void>;
}

async function onServer(): Promise<Opened & { readonly url: string }> {
  const database = await createMigratedDatabase();
  const pool = createPostgresPool({ url: database.url });
  const close = async () => {
    await pool.end();
    await database.drop();
  };
  return { pool, url: database.url, close };
}

async function embedded(): Promise<Opened> {
  const { pool, close } = await embeddedPool();
  await migrate(pool, { schema: SCHEMA });
  return { pool, close };
}

const storesOf = (pool: PostgresPool) => ({
  ledger: postgresLedger(pool, { schema: SCHEMA }),
  upkeep: postgresUpkeep(pool, { schema: SCHEMA }),
});

for (const [name, open] of [['PostgreSQL', onServer] as const, ['the embedded database', embedded] as const]) {
  describe(name, () => {
    let opened: Opened;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());
    for (const { name: guarantee, run } of ledgerUpkeepCases) test(guarantee, () => run(() => storesOf(opened.pool)));
  });
}

describe('a row of each kind that the tables refuse and later take', () => {
  const DATE = '2024-02-29';
  let opened: Awaited<ReturnType<typeof onServer>>;
  let client: pg.Client;
  beforeAll(async () => {
    opened = await onServer();
    client = new pg.Client({ connectionString: opened.url });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await opened?.close();
  });

  const charge = { usageDate: DATE, meter: 'm\u00e9ter', resetNumber: 4, units: 40 };
  const kinds: readonly [kind: string, table: string, sums: (tenantId: string) => Partial<UsageSums>][] = [
    ['call', 'tenant_usage', (tenantId) => ({ calls: [callsOf(tenantId, DATE, 5)] })],
    [
      'charge',
      'quota_charge',
      (tenantId) => ({ charges: [{ tenantId, ...charge, denied: 2, unconfirmed: 1, overage: 3 }] }),
    ],
    [
      'user',
      'tenant_active_user',
      (tenantId) => ({ users: [{ tenantId, month: '2024-02', userHash: freshHash(), dayMask: 3 }] }),
    ],
    [
      'commit',
      'event_dedupe',
      (tenantId) => ({ commits: [{ tenantId, ...charge, apiCalls: 6, overage: 7, key: freshHash() }] }),
    ],
    ['meter', 'meter_usage', (tenantId) => ({ meters: [{ tenantId, usageDate: DATE, meter: 'tokens', amount: 5 }] })],
    [
      'level',
      'meter_point',
      (tenantId) => ({
        levels: [
          { tenantId, meter: 'seats', atSeconds: Math.floor(Date.now() / 1000) - 60, bytes: 9, id: uuidAt(Date.now()) },
        ],
      }),
    ],
    [
      'keyed',
      'event_dedupe',
      (tenantId) => ({
        keyed: [
          { tenantId, usageDate: DATE, apiCalls: 2, meter: 'tokens', amount: 5, level: undefined, key: freshHash() },
        ],
      }),
    ],
    [
      'storage',
      'storage_point',
      (tenantId) => ({
        storage: [{ tenantId, atSeconds: Math.floor(Date.now() / 1000) - 60, bytes: 9, id: uuidAt(Date.now()) }],
      }),
    ],
  ];

  test.each(kinds)('%s: counts once, as if it had never been put aside', async (kind, table, sums) => {
    const { ledger, upkeep } = storesOf(opened.pool);
    const [refused, expected] = ['\u00fc1', '\u00fc2'].map((name) => `${name} ${freshTenant()}`) as [string, string];
    const apply = async (tenantId: string) => {
      const producerId = await ledger.newProducerId();
      await ledger.registerProducer(producerId, { host: 'test', pid: 1 });
      return ledger.apply(batchOf(producerId, 0, 1, sums(tenantId)));
    };
    await client.query(
      `ALTER TABLE tallygate.${table} ADD CONSTRAINT no_room CHECK (tenant_id NOT LIKE '\u00fc1%') NOT VALID`,
    );
    expect(await apply(refused)).toEqual({ outcome: 'applied', quarantined: 1 });
    const row = (await upkeep.quarantined(1_000)).rows.find(({ content }) => JSON.parse(content).tenantId === refused);
    expect(row).toMatchObject({ kind, reason: expect.stringContaining('no_room') });
    expect(await upkeep.retryQuarantined(row?.id ?? '')).toMatchObject({ outcome: 'refused' });
    await client.query(`ALTER TABLE tallygate.${table} DROP CONSTRAINT no_room`);
    const retried = await Promise.all([1, 2, 3].map(() => upkeep.retryQuarantined(row?.id ?? '')));
    expect(retried.map(({ outcome }) => outcome).sort()).toEqual(['applied', 'unknown', 'unknown']);
    await apply(expected);
    const kept = async (tenantId: string) => {
      const usage = await ledger.readUsage(tenantId, '2024-02-01', DATE);
      const { rows } = await client.query(
        `SELECT usage_date, meter, reset_number, units, denied, unconfirmed, overage FROM tallygate.quota_charge WHERE tenant_id = $1`,
        [tenantId],
      );
      const points = await client.query('SELECT bytes FROM tallygate.storage_point WHERE tenant_id = $1', [tenantId]);
      const levels = await client.query('SELECT meter, level FROM tallygate.meter_point WHERE tenant_id = $1', [
        tenantId,
      ]);
      return { ...usage, readAtMs: 0, charges: rows, points: points.rows, levels: levels.rows };
    };
    expect(await kept(refused)).toEqual(await kept(expected));
  });

  test('a row of a kind that only a newer version knows is shown, and left for that to retry', async () => {
    const { upkeep } = storesOf(opened.pool);
    const id = '00000000-0000-4000-8000-000000000001';
    await client.query('ALTER TABLE tallygate.quarantine DROP CONSTRAINT quarantine_kind_check');
    await client.query(
      `INSERT INTO tallygate.quarantine VALUES ($1, $1, 0, 1, 'later', '{"tenantId":"a"}', 'no room', now())`,
      [id],
    );
    const { rows } = await upkeep.quarantined(1_000);
    expect(rows.find((row) => row.id === id)).toMatchObject({ kind: 'later', reason: 'no room' });
    expect(await upkeep.retryQuarantined(id)).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining('"later"'),
    });
    expect((await upkeep.quarantined(1_000)).rows.map((row) => row.id)).toContain(id);
  });
});
