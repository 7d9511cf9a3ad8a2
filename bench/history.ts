// A ledger with a year of history, filled by SQL: each table in the order of life, all tenants of a day after those of the day before,
// so that a tenant's days lie as far apart as they do then. Indexes are made afterwards, as a dump does; docs/scale.md has their size in life.
import type { Client } from 'pg';
import { SCHEMA } from './ledger.js';

/** Days of history: the longest range that can be asked for. */
export const DAYS = 366;
/** Days of them with quota charges, months with users, and what some tenants have beside. */
export const FILLED = { chargeDays: 62, usersOfMonth: 20, adjustmentsEach: 100, closedMonths: 12, storageDays: 35 };

/** Its first and last date, of the server. */
export interface History {
  readonly firstDate: string;
  readonly lastDate: string;
}

/** Fills the empty tables of `tenants` tenants, and vacuums. */
export async function fillHistory(client: Client, tenants: number, say: (what: string) => void): Promise<History> {
  await client.query("set maintenance_work_mem = '512MB'");
  const { rows } = await client.query(
    `select to_char(current_date - 1, 'YYYY-MM-DD') as last, to_char(current_date - ${DAYS}, 'YYYY-MM-DD') as first`,
  );
  const history = { firstDate: String(rows[0]?.first), lastDate: String(rows[0]?.last) };
  await client.query(
    `create table ${SCHEMA}.bench_tenant as
     select number, md5(number::text)::uuid::text as id from generate_series(1, ${tenants}) as number`,
  );
  for (const [table, statement] of Object.entries(fillings(history))) {
    await withoutPrimaryKey(client, table, () => client.query(statement));
    say(`${table} is filled`);
  }
  await client.query(`drop table ${SCHEMA}.bench_tenant`);
  await client.query('vacuum (analyze)');
  await client.query('checkpoint');
  return history;
}

/** The tenant's id by its number, from 1 on. */
export async function tenantIdsOf(client: Client, tenants: number): Promise<readonly string[]> {
  const { rows } = await client.query(
    `select md5(number::text)::uuid::text as id from generate_series(1, ${tenants}) as number order by number`,
  );
  return rows.map(({ id }) => String(id));
}

const fillings = ({ firstDate, lastDate }: History): Readonly<Record<string, string>> => ({
  // Every third tenant tells of its storage.
  tenant_usage: `
    insert into ${SCHEMA}.tenant_usage
    select id, '${firstDate}'::date + day, 1000 + number % 977, number % 20, bytes, bytes::numeric * 86400000, covered, bytes,
           case when covered > 0 then bytes end,
           case when covered > 0 then ('${firstDate}'::date + day)::timestamp at time zone 'UTC' end
    from generate_series(0, ${DAYS - 1}) as day
    cross join lateral (
      select id, number, case when number % 3 = 0 then 1000000::bigint * number else 0 end as bytes,
             case when number % 3 = 0 then 86400000::bigint else 0 end as covered
      from ${SCHEMA}.bench_tenant offset 0
    ) as tenant`,
  quota_charge: `
    insert into ${SCHEMA}.quota_charge (tenant_id, usage_date, meter, reset_number, units, denied)
    select id, '${lastDate}'::date - day, '', 0, 1000 + number % 977, number % 5
    from generate_series(${FILLED.chargeDays - 1}, 0, -1) as day cross join ${SCHEMA}.bench_tenant`,
  tenant_active_user: `
    insert into ${SCHEMA}.tenant_active_user
    select id, month::date, decode(md5(id || user_number), 'hex'), 1 + (number * 7919 + user_number * 104729) % 268435454
    from generate_series(date_trunc('month', '${firstDate}'::date), '${lastDate}', '1 month') as month
    cross join ${SCHEMA}.bench_tenant cross join generate_series(1, ${FILLED.usersOfMonth}) as user_number`,
  usage_adjustment: `
    insert into ${SCHEMA}.usage_adjustment
    select id, decode(md5(id || one), 'hex'), '${lastDate}'::date - (one * 3 % ${DAYS})::integer, 'apiCalls', 5, 'bench', 'bench', now()
    from ${SCHEMA}.bench_tenant cross join generate_series(1, ${FILLED.adjustmentsEach}) as one
    where number % 100 = 0`,
  closed_period: `
    insert into ${SCHEMA}.closed_period
    select id, month::date, now(), 'bench', 30000, 20, 0, jsonb_build_object('daily', jsonb_agg(jsonb_build_object(
      'date', month::date + day, 'apiCalls', 1000, 'activeUsers', 20, 'storageBytes', 0, 'storageCoverage', 0)))
    from ${SCHEMA}.bench_tenant
    cross join generate_series(date_trunc('month', '${firstDate}'::date), '${lastDate}'::date - 31, '1 month') as month
    cross join generate_series(0, 27) as day
    where number % 10 = 0
    group by id, month`,
  storage_point: `
    insert into ${SCHEMA}.storage_point
    select id, ('${lastDate}'::date - day)::timestamp at time zone 'UTC', md5(id || day)::uuid, 1000000::bigint * number
    from generate_series(${FILLED.storageDays - 1}, 0, -1) as day cross join ${SCHEMA}.bench_tenant
    where number % 3 = 0`,
  // A setting each.
  tenant: `insert into ${SCHEMA}.tenant (tenant_id, plan, version) select id, 'pro', number from ${SCHEMA}.bench_tenant`,
});

/** Drops the primary key, works, and makes it anew: in one sort instead of row by row. */
async function withoutPrimaryKey(client: Client, table: string, work: () => Promise<unknown>): Promise<void> {
  const { rows } = await client.query(
    `select conname, pg_get_constraintdef(oid) as definition from pg_constraint
     where conrelid = '${SCHEMA}.${table}'::regclass and contype = 'p'`,
  );
  const [key] = rows;
  await client.query(`alter table ${SCHEMA}.${table} drop constraint "${key?.conname}"`);
  await work();
  await client.query(`alter table ${SCHEMA}.${table} add constraint "${key?.conname}" ${key?.definition}`);
}
