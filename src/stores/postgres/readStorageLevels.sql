-- The level that tenants had just before a day: the last one of their last day with points before it. That row is right
-- whatever arrives later, because a point changes only its own day and those after it, and it outlives the points.
-- $1 tenants, $2 the day's date, one a tenant. Returns tenant_id, at_seconds, bytes; no row for a tenant without any level.
SELECT given.tenant_id, extract(epoch FROM level.at)::bigint AS at_seconds, level.bytes
FROM unnest($1::text[], $2::date[]) AS given (tenant_id, usage_date)
CROSS JOIN LATERAL (
  SELECT usage.storage_last_at AS at, usage.storage_last_bytes AS bytes
  FROM {schema}.tenant_usage AS usage
  WHERE usage.tenant_id = given.tenant_id AND usage.usage_date < given.usage_date AND usage.storage_last_at IS NOT NULL
  ORDER BY usage.usage_date DESC
  LIMIT 1
) AS level
