-- The correction that was booked under a key. $1 tenant, $2 key (hex). Returns it, or no row.
SELECT to_char(usage_date, 'YYYY-MM-DD') AS usage_date,
       meter,
       delta,
       reason,
       author,
       floor(extract(epoch FROM adjusted_at) * 1000)::bigint AS adjusted_at_ms
FROM {schema}.usage_adjustment
WHERE tenant_id = $1::text AND key = decode($2::text, 'hex')
