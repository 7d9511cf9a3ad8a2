-- A closed month. $1 tenant, $2 first day of the month. Returns closed_at_ms, author, report (JSON text), or no row.
SELECT floor(extract(epoch FROM closed_at) * 1000)::bigint AS closed_at_ms, author, report::text AS report
FROM {schema}.closed_period
WHERE tenant_id = $1::text AND month = $2::date
