-- The level that tenants had just before an instant: their last point before it or, where points are no longer kept, the
-- last level of a day before it. $1 tenants, $2 seconds since 1970 of a day's start, $3 that day's date.
-- Returns tenant_id, at_seconds, bytes; no row for a tenant without any level.
SELECT given.tenant_id, extract(epoch FROM level.at)::bigint AS at_seconds, level.bytes
FROM unnest($1::text[], $2::bigint[], $3::date[]) AS given (tenant_id, at_seconds, usage_date)
CROSS JOIN LATERAL (
  (
    SELECT point.at, point.bytes, 1 AS exactness
    FROM {schema}.storage_point AS point
    WHERE point.tenant_id = given.tenant_id AND point.at < to_timestamp(given.at_seconds)
    ORDER BY point.at DESC, point.id DESC
    LIMIT 1
  )
  UNION ALL
  (
    SELECT usage.storage_last_at, usage.storage_last_bytes, 0
    FROM {schema}.tenant_usage AS usage
    WHERE usage.tenant_id = given.tenant_id AND usage.usage_date < given.usage_date AND usage.storage_last_at IS NOT NULL
    ORDER BY usage.usage_date DESC
    LIMIT 1
  )
  ORDER BY 1 DESC, 3 DESC
  LIMIT 1
) AS level (at, bytes, exactness)
