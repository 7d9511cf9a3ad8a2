-- Days of tenants whose count of active users is not that of their users' rows. $1 tenants, $2 first and $3 last date.
-- Returns tenant_id, date, recorded, counted.
SELECT tenant_id, to_char(usage_date, 'YYYY-MM-DD') AS date,
       coalesce(usage.active_users, 0) AS recorded, coalesce(active.users, 0) AS counted
FROM (
  SELECT tenant_id, usage_date, active_users
  FROM {schema}.tenant_usage
  WHERE tenant_id = ANY ($1::text[]) AND usage_date BETWEEN $2::date AND $3::date
) AS usage
FULL JOIN (
  SELECT tenant_id, month + bit.day AS usage_date, count(*) AS users
  FROM {schema}.tenant_active_user
  CROSS JOIN generate_series(0, 30) AS bit (day)
  WHERE tenant_id = ANY ($1::text[])
    AND month BETWEEN date_trunc('month', $2::date)::date AND $3::date
    AND month + bit.day BETWEEN $2::date AND $3::date
    AND day_mask & (1 << bit.day) <> 0
  GROUP BY tenant_id, month + bit.day
) AS active USING (tenant_id, usage_date)
WHERE coalesce(usage.active_users, 0) <> coalesce(active.users, 0)
ORDER BY tenant_id, usage_date
