-- The corrections of a range of days, the oldest booking first. $1 tenant, $2 first date, $3 last date, $4 most.
SELECT to_char(usage_date, 'YYYY-MM-DD') AS usage_date,
       meter,
       delta,
       reason,
       author,
       floor(extract(epoch FROM adjusted_at) * 1000)::bigint AS adjusted_at_ms
FROM {schema}.usage_adjustment
WHERE tenant_id = $1::text AND usage_date BETWEEN $2::date AND $3::date
ORDER BY adjusted_at, key
LIMIT $4::integer
