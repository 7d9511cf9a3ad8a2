// What the drift check cannot see: CHECKs, partial indexes, collations, partitions; exactly these and no others. And the list of
// columns that an adopted schema is held to.
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TABLES } from '../../src/stores/postgres/tables.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createMigratedDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await database?.drop();
});

const MAX = '9007199254740991';
const counter = (table: string, column: string, from = 0) => [
  `${table}_${column}_check`,
  `CHECK (((${column} >= ${from}) AND (${column} <= '${MAX}'::bigint)))`,
];

async function rows(sql: string): Promise<string[][]> {
  return (await client.query({ text: sql, rowMode: 'array' })).rows;
}

test('every CHECK is there, and says what it should', async () => {
  const checks = await rows(`
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype = 'c' AND connamespace = 'tallygate'::regnamespace AND convalidated`);
  const expected = [
    counter('tenant_usage', 'api_calls'),
    counter('tenant_usage', 'active_users'),
    [
      'tenant_usage_storage_check',
      `CHECK ((((storage_bytes >= 0) AND (storage_bytes <= storage_peak_bytes)) AND (storage_peak_bytes <= '${MAX}'::bigint) AND (storage_byte_ms >= (0)::numeric) AND (storage_covered_ms >= 0)))`,
    ],
    ['tenant_usage_storage_last_check', expect.stringContaining('CASE\n    WHEN (storage_last_at IS NULL) THEN')],
    ['quota_charge_reset_number_check', 'CHECK ((reset_number >= 0))'],
    counter('quota_charge', 'units'),
    counter('quota_charge', 'denied'),
    counter('quota_charge', 'unconfirmed'),
    counter('quota_charge', 'overage'),
    ['event_dedupe_key_check', 'CHECK ((octet_length(key) = 16))'],
    ['booking_key_key_check', 'CHECK (((octet_length(key) = 16) AND (octet_length(content) = 16)))'],
    ['usage_adjustment_key_check', 'CHECK ((octet_length(key) = 16))'],
    [
      'usage_adjustment_delta_check',
      `CHECK (((delta <> 0) AND ((delta >= '-${MAX}'::bigint) AND (delta <= '${MAX}'::bigint))))`,
    ],
    ['closed_period_month_check', 'CHECK ((EXTRACT(day FROM month) = (1)::numeric))'],
    [
      'closed_period_totals_check',
      `CHECK ((((api_calls >= 0) AND (api_calls <= '${MAX}'::bigint)) AND ((active_users >= 0) AND (active_users <= '${MAX}'::bigint)) AND ((storage_bytes >= 0) AND (storage_bytes <= '${MAX}'::bigint))))`,
    ],
    ['quarantine_kind_check', expect.stringContaining('CHECK ((kind = ANY (ARRAY[')],
    ['tenant_active_user_month_check', 'CHECK ((EXTRACT(day FROM month) = (1)::numeric))'],
    ['tenant_active_user_user_hash_check', 'CHECK ((octet_length(user_hash) = 16))'],
    [
      'tenant_active_user_day_mask_check',
      `CHECK (((day_mask > 0) AND ((day_mask)::bigint < ((1)::bigint << (EXTRACT(day FROM ((month + '1 mon'::interval) - '1 day'::interval)))::integer))))`,
    ],
    counter('storage_point', 'bytes'),
    counter('meter_point', 'level'),
    counter('meter_usage', 'amount'),
    ['meter_usage_meter_check', "CHECK ((meter <> ''::text))"],
    [
      'meter_usage_level_check',
      `CHECK ((((level_average >= 0) AND (level_average <= level_peak)) AND (level_peak <= '${MAX}'::bigint) AND (level_unit_ms >= (0)::numeric) AND (level_covered_ms >= 0)))`,
    ],
    ['meter_usage_level_last_check', expect.stringContaining('CASE\n    WHEN (level_last_at IS NULL) THEN')],
    ['storage_collection_singleton_check', 'CHECK ((singleton = 1))'],
    [
      'storage_collection_run_check',
      `CHECK ((((finished_run >= 0) AND (finished_run <= run_number)) AND (run_number <= '${MAX}'::bigint) AND (tenants >= 0) AND (every_ms >= 0) AND (failures >= 0)))`,
    ],
    ['tenant_limits_check', `CHECK ((jsonb_typeof(limits) = 'object'::text))`],
    ['tenant_billing_anchor_day_check', 'CHECK (((billing_anchor_day >= 1) AND (billing_anchor_day <= 31)))'],
    ['tenant_earlier_calendars_check', `CHECK ((jsonb_typeof(earlier_calendars) = 'array'::text))`],
    counter('tenant', 'version', 1),
    ['tenant_limit_ends_check', `CHECK ((jsonb_typeof(limit_ends) = 'object'::text))`],
    counter('tenant', 'reset_number'),
    counter('quota_reset', 'reset_number', 1),
    ['config_version_singleton_check', 'CHECK ((singleton = 1))'],
    counter('config_version', 'version', 1),
    counter('usage_producer', 'last_record'),
    ['usage_gap_range_check', 'CHECK (((from_record >= 0) AND (to_record > from_record)))'],
    ['replay_source_source_hash_check', 'CHECK ((octet_length(source_hash) = 32))'],
    [
      'replay_source_consumed_check',
      `CHECK ((((consumed_bytes >= 0) AND (consumed_bytes <= '${MAX}'::bigint)) AND ((consumed_lines >= 0) AND (consumed_lines <= '${MAX}'::bigint)) AND (octet_length(consumed_sha256) = 32)))`,
    ],
    ['ledger_singleton_check', 'CHECK ((singleton = 1))'],
    ['ledger_hash_key_check', 'CHECK ((octet_length(hash_key) = 32))'],
  ];
  expect(Object.fromEntries(checks)).toEqual(Object.fromEntries(expected));
});

test('no index is partial, and the tables are ordinary ones', async () => {
  const partial = await rows(`
    SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE relnamespace = 'tallygate'::regnamespace AND indpred IS NOT NULL`);
  expect(partial).toEqual([]);
  const kinds = await rows(
    `SELECT DISTINCT relkind::text FROM pg_class WHERE relnamespace = 'tallygate'::regnamespace AND relkind <> 'i'`,
  );
  expect(kinds).toEqual([['r']]);
});

test('ids are compared byte by byte', async () => {
  const collated = await rows(`
    SELECT attrelid::regclass::text || '.' || attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'tallygate'::regnamespace AND relkind = 'r' AND attcollation = '"C"'::regcollation`);
  expect(collated.flat().sort()).toEqual([
    'tallygate.booking_key.tenant_id',
    'tallygate.closed_period.tenant_id',
    'tallygate.collected_storage.tenant_id',
    'tallygate.event_dedupe.tenant_id',
    'tallygate.meter_point.meter',
    'tallygate.meter_point.tenant_id',
    'tallygate.meter_usage.meter',
    'tallygate.meter_usage.tenant_id',
    'tallygate.quota_charge.meter',
    'tallygate.quota_charge.tenant_id',
    'tallygate.quota_reset.tenant_id',
    'tallygate.storage_change.tenant_id',
    'tallygate.storage_point.tenant_id',
    'tallygate.tenant.tenant_id',
    'tallygate.tenant_active_user.tenant_id',
    'tallygate.tenant_storage.tenant_id',
    'tallygate.tenant_usage.tenant_id',
    'tallygate.usage_adjustment.meter',
    'tallygate.usage_adjustment.tenant_id',
  ]);
});

test('the columns that an adopted schema must have are those that the migrations make', async () => {
  const columns = await rows(`
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'tallygate' AND table_name <> '_prisma_migrations'`);
  const listed = Object.entries(TABLES).flatMap(([table, names]) => names.map((name) => `${table}.${name}`));
  expect(columns.map(([table, column]) => `${table}.${column}`).sort()).toEqual(listed.sort());
});
