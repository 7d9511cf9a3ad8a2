// The eleven months after a measured one, by SQL in the order of life, into the tables with their indexes: a tenant's days lie far apart,
// and its index entries among those of all others. Sizes after a year are not twelve times those of a month.
import type { Client } from 'pg';
import { SCHEMA } from './ledger.js';

/** Fills the days before the month's, and the months of users before it. `users` of a tenant and month. */
export async function fillRestOfYear(
  client: Client,
  { lastDate, days, users }: { readonly lastDate: string; readonly days: number; readonly users: number },
): Promise<void> {
  const rest = 365 - days;
  await client.query(
    `create temporary table bench_tenant as select distinct tenant_id from ${SCHEMA}.tenant_usage;
     create temporary table bench_day as
       select (date '${lastDate}' - 365 + day)::date as date, day from generate_series(1, ${rest}) as day`,
  );
  await client.query(
    `insert into ${SCHEMA}.tenant_usage
     select tenant_id, date, 1000 + day, 6, 1000000, 86400000000000, 86400000, 1000000, 1000000, date::timestamp at time zone 'UTC'
     from bench_day cross join bench_tenant order by date, hashtext(tenant_id)`,
  );
  await client.query(
    `insert into ${SCHEMA}.quota_charge (tenant_id, usage_date, meter, reset_number, units, denied)
     select tenant_id, date, '', 0, 1000 + day, 4 from bench_day cross join bench_tenant order by date, hashtext(tenant_id)`,
  );
  await client.query(
    `insert into ${SCHEMA}.meter_usage (tenant_id, usage_date, meter, amount)
     select tenant_id, date '${lastDate}' - 365 + day, 'tokens', 1000 + day
     from generate_series(1, 365) as day cross join bench_tenant order by day, hashtext(tenant_id)`,
  );
  await client.query(
    `insert into ${SCHEMA}.tenant_active_user
     select tenant_id, (date_trunc('month', date '${lastDate}') - month * interval '1 month')::date, decode(md5(tenant_id || one), 'hex'), 77
     from generate_series(2, 12) as month cross join bench_tenant cross join generate_series(1, ${users}) as one
     order by month, hashtext(tenant_id), one`,
  );
  await client.query('vacuum (analyze)');
}
