-- Locks days of one tenant, in the order of all writers: who holds a day's row owns that day's bit of every user.
-- $1 tenant, $2 first days of months, $3 masks of days. Returns nothing that matters.
SELECT usage_date::text AS usage_date
FROM {schema}.tenant_usage
WHERE tenant_id = $1::text
  AND usage_date IN (
    SELECT asked.month + (day - 1)
    FROM unnest($2::date[], $3::integer[]) AS asked (month, day_mask)
    CROSS JOIN generate_series(1, 31) AS day
    WHERE asked.day_mask & (1 << (day - 1)) <> 0
  )
ORDER BY tenant_usage.usage_date
FOR UPDATE
