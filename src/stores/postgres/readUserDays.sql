-- Days of a tenant whose count of active users is not that of its users' rows. $1 tenant, $2 first and $3 last date.
-- Returns date, active_users, counted.
SELECT to_char(usage_date, 'YYYY-MM-DD') AS date, active_users, counted
FROM {schema}.tenant_usage
CROSS JOIN LATERAL (
  SELECT count(*) AS counted
  FROM {schema}.tenant_active_user AS active
  WHERE active.tenant_id = $1::text AND active.month = date_trunc('month', usage_date)::date
    AND active.day_mask & (1 << (extract(day FROM usage_date)::integer - 1)) <> 0
) AS users
WHERE tenant_id = $1::text AND usage_date BETWEEN $2::date AND $3::date AND active_users <> counted
ORDER BY tenant_usage.usage_date
