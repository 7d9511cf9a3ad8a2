// The settings of tenants on PostgreSQL and on the embedded database: every change is announced, and none can be missed.
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LimitOverride } from '../../src/core/quota/setting.js';
import type { SettingContent, TenantDirectory } from '../../src/ports/tenantDirectory.js';
import { migrate } from '../../src/stores/postgres/migrate.js';
import { createPostgresPool, type OwnedPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { postgresTenantDirectory } from '../../src/stores/postgres/postgresTenantDirectory.js';
import { createDatabase, createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { until } from '../servers/until.js';
import { embeddedPool } from './embeddedPool.js';

const EMPTY: SettingContent = {
  plan: undefined,
  limits: new Map(),
  timeZone: undefined,
  billingAnchorDay: undefined,
  earlierCalendars: [],
};

interface Opened {
  readonly pool: OwnedPostgresPool;
  readonly close: () => Promise<void>;
}

async function onServer(): Promise<Opened> {
  const database = await createMigratedDatabase();
  const pool = createPostgresPool({ url: database.url });
  return {
    pool,
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
}

async function embedded(): Promise<Opened> {
  const opened = await embeddedPool();
  await migrate(opened.pool, { schema: 'tallygate' });
  return opened;
}

async function query(pool: OwnedPostgresPool, text: string): Promise<readonly unknown[]> {
  const client = await pool.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    client.release();
  }
}

/** On a busy machine the embedded database may be slower than a poll waits. In life nothing polls it: its only process knows its own changes. */
async function versionOf(directory: TenantDirectory): Promise<number> {
  const { version } = await until(async () => ({ version: await directory.readVersion() }), { what: 'the version' });
  return version;
}

for (const [name, open] of [['PostgreSQL', onServer] as const, ['the embedded database', embedded] as const]) {
  describe(name, () => {
    let opened: Opened;
    let directory: TenantDirectory;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());
    beforeEach(() => {
      directory = postgresTenantDirectory(opened.pool, { schema: 'tallygate' });
    });

    test('before the first change there is nothing, at version 0', async () => {
      expect(await versionOf(directory)).toBe(0);
      expect(await directory.loadAll()).toEqual({ version: 0, settings: [] });
    });

    test('everything that was set comes back, with the version of its change', async () => {
      const content: SettingContent = {
        plan: 'pro',
        limits: new Map<string, LimitOverride>([
          ['minute', { limit: 0, untilMs: undefined }],
          ['day', { limit: Number.MAX_SAFE_INTEGER, untilMs: 1_800_000_000_123 }],
          ['month', { limit: 'unlimited', untilMs: 253_402_300_799_999 }],
        ]),
        timeZone: 'Pacific/Apia',
        billingAnchorDay: 31,
        earlierCalendars: [{ timeZone: 'UTC', billingAnchorDay: 1, until: 1_700_000_000_123 }],
      };
      const tenants = ['a:b', '{x}', '__proto__', '🧮', '水'.repeat(256), "it's"];
      for (const tenantId of tenants) {
        const before = await versionOf(directory);
        const set = await directory.change(tenantId, (present) => {
          expect(present).toBeUndefined();
          return content;
        });
        expect(set).toEqual({ ...content, tenantId, resetNumber: 0, version: before + 1 });
        expect(await directory.loadSince(before)).toEqual({ version: before + 1, settings: [set] });
      }
      const { settings } = await directory.loadAll();
      expect(settings.map((setting) => setting.tenantId).sort()).toEqual([...tenants].sort());
    });

    test('a change is made from what is there, and an emptied row stays to announce itself', async () => {
      const before = await versionOf(directory);
      await directory.change('kept', () => ({ ...EMPTY, plan: 'free' }));
      const earlierCalendars = [{ timeZone: 'Asia/Tokyo', billingAnchorDay: 5, until: 1 }];
      const emptied = await directory.change('kept', (present, nowMs) => {
        expect(present).toEqual({ ...EMPTY, plan: 'free', tenantId: 'kept', resetNumber: 0, version: before + 1 });
        expect(Math.abs(nowMs - Date.now())).toBeLessThan(60_000);
        return { ...EMPTY, earlierCalendars };
      });
      expect(emptied).toEqual({ ...EMPTY, earlierCalendars, tenantId: 'kept', resetNumber: 0, version: before + 2 });
      expect(await directory.loadSince(before)).toEqual({ version: before + 2, settings: [emptied] });
      expect(await directory.loadSince(before + 2)).toEqual({ version: before + 2, settings: [] });
    });

    test('a reset has a number above the last one, a reason and an author, and no change of the setting touches it', async () => {
      const before = await versionOf(directory);
      const startedAtUs = Date.now() * 1000;
      const first = await directory.reset('reset', { reason: "it's a gift", author: 'cli' });
      // A database whose clock was ahead when the last number was given.
      const ahead = 8_000_000_000_000_000;
      const setNumber = `UPDATE tallygate.tenant SET reset_number = ${ahead} WHERE tenant_id = 'reset'`;
      const second = await directory.reset('reset', { reason: 'again', author: 'ops' });
      await query(opened.pool, setNumber);
      await directory.change('reset', () => ({ ...EMPTY, plan: 'pro' }));
      const third = await directory.reset('reset', { reason: '🎁', author: 'ops' });
      expect(first).toEqual({ ...EMPTY, tenantId: 'reset', resetNumber: first.resetNumber, version: before + 1 });
      expect(Math.abs(first.resetNumber - startedAtUs)).toBeLessThan(60_000_000);
      expect(second.resetNumber).toBeGreaterThan(first.resetNumber);
      expect(third).toEqual({ ...EMPTY, plan: 'pro', tenantId: 'reset', resetNumber: ahead + 1, version: before + 4 });
      const emptied = await directory.change('reset', () => EMPTY);
      expect(emptied.resetNumber).toBe(ahead + 1);
      expect(await directory.loadSince(before)).toEqual({ version: before + 5, settings: [emptied] });
      const recorded = `SELECT reset_number::text AS number, reason, author FROM tallygate.quota_reset ORDER BY reset_number`;
      expect(await query(opened.pool, recorded)).toEqual([
        { number: String(first.resetNumber), reason: "it's a gift", author: 'cli' },
        { number: String(second.resetNumber), reason: 'again', author: 'ops' },
        { number: String(ahead + 1), reason: '🎁', author: 'ops' },
      ]);
    });

    test('an override that a version without ends has changed has no end, and one that it left alone keeps it', async () => {
      const override = (limit: number): LimitOverride => ({ limit, untilMs: 1_900_000_000_000 });
      const limits = new Map([
        ['day', override(7)],
        ['month', override(8)],
      ]);
      const { resetNumber } = await directory.reset('rolling', { reason: 'before', author: 'cli' });
      const { version } = await directory.change('rolling', () => ({ ...EMPTY, limits }));
      // The statement of version 0.1, which names neither ends nor resets.
      await query(
        opened.pool,
        `INSERT INTO tallygate.tenant (tenant_id, plan, limits, time_zone, billing_anchor_day, earlier_calendars, version)
         VALUES ('rolling', NULL, '{"day": 9, "month": 8, "week": 1}', NULL, NULL, '[]', ${version})
         ON CONFLICT (tenant_id) DO UPDATE SET limits = excluded.limits, version = excluded.version`,
      );
      const { settings } = await directory.loadSince(version - 1);
      expect([...(settings[0]?.limits ?? [])]).toEqual([
        ['day', { limit: 9, untilMs: undefined }],
        ['week', { limit: 1, untilMs: undefined }],
        ['month', override(8)],
      ]);
      expect(settings[0]?.resetNumber).toBe(resetNumber);
    });

    test('what a change throws is thrown on, and neither row nor version moves', async () => {
      const before = await directory.loadAll();
      const thrown = new Error('not like this');
      const change = () => {
        throw thrown;
      };
      await expect(directory.change('never', change)).rejects.toBe(thrown);
      expect(await directory.loadAll()).toEqual(before);
    });

    test('a change that PostgreSQL refuses moves nothing either', async () => {
      const before = await directory.loadAll();
      const refused = directory.change('never', () => ({ ...EMPTY, billingAnchorDay: 32 }));
      await expect(refused).rejects.toMatchObject({ code: 'ledger_refused' });
      expect(await directory.loadAll()).toEqual(before);
    });

    test('changes that come at once get versions of their own, without a gap', async () => {
      const before = await versionOf(directory);
      const changes = Array.from({ length: 20 }, (_, index) =>
        directory.change(`at-once-${index % 4}`, (present) => ({
          ...EMPTY,
          billingAnchorDay: (present?.billingAnchorDay ?? 0) + 1,
        })),
      );
      const versions = (await Promise.all(changes)).map((setting) => setting.version);
      expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => before + 1 + index));
      const { settings } = await directory.loadSince(before);
      expect(settings.map((setting) => setting.billingAnchorDay)).toEqual([5, 5, 5, 5]);
    });
  });
}

describe('on a server', () => {
  let database: TestDatabase;
  let pool: OwnedPostgresPool;
  let client: pg.Client;
  beforeAll(async () => {
    database = await createMigratedDatabase();
    pool = createPostgresPool({ url: database.url });
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await pool?.end();
    await database?.drop();
  });

  test('a change that commits late cannot be overtaken: who has read a version has all below it', async () => {
    const directory = postgresTenantDirectory(pool, { schema: 'tallygate' });
    await directory.change('first', () => EMPTY);
    // A slow process in the middle of a change: it has its version, and has not committed.
    await client.query('BEGIN');
    const { rows } = await client.query('UPDATE tallygate.config_version SET version = version + 1 RETURNING version');
    await client.query(`INSERT INTO tallygate.tenant (tenant_id, version) VALUES ('slow', $1)`, [rows[0].version]);
    const quick = directory.change('quick', () => EMPTY);
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await until(async () => (await client.query(waiting)).rowCount === 1, { what: 'the quick change waits' });
    // Polled meanwhile: nothing new, so nothing to miss.
    expect(await directory.readVersion()).toBe(1);
    await client.query('COMMIT');
    expect((await quick).version).toBe(3);
    const { version, settings } = await directory.loadSince(1);
    expect({ version, tenants: settings.map((setting) => setting.tenantId).sort() }).toEqual({
      version: 3,
      tenants: ['quick', 'slow'],
    });
  });

  test('a poll has a deadline of its own, and does not wait behind what other work waits for', async () => {
    const pollPool = createPostgresPool({ url: database.url, max: 1 });
    const directory = postgresTenantDirectory(pool, { schema: 'tallygate', pollPool });
    await client.query('BEGIN; LOCK TABLE tallygate.config_version IN ACCESS EXCLUSIVE MODE');
    const startedAt = performance.now();
    await expect(directory.readVersion()).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await client.query('ROLLBACK');
    expect(await until(() => directory.readVersion(), { what: 'the poll answers again' })).toBeGreaterThan(0);
    await pollPool.end();
  });

  test('a database without our tables says that they are to be made', async () => {
    const empty = await createDatabase();
    const own = createPostgresPool({ url: empty.url, max: 1 });
    const directory = postgresTenantDirectory(own, { schema: 'tallygate' });
    for (const work of [directory.readVersion(), directory.loadAll(), directory.change('t', () => EMPTY)]) {
      await expect(work).rejects.toMatchObject({ code: 'migrations_pending' });
    }
    await own.end();
    await empty.drop();
  });
});
