-- The levels that meters of tenants had just before a day, as readStorageLevels.sql has them. Levels are only set, so that one older
-- than the 35 days for which it holds says nothing; two more for the lengths of days.
-- $1 tenants, $2 meters, $3 the days' dates, one a meter. Returns tenant_id, meter, at_seconds, bytes; no row for one without a level.
SELECT given.tenant_id, given.meter, extract(epoch FROM level.at)::bigint AS at_seconds, level.bytes
FROM unnest($1::text[], $2::text[], $3::date[]) AS given (tenant_id, meter, usage_date)
CROSS JOIN LATERAL (
  SELECT usage.level_last_at AS at, usage.level_last AS bytes
  FROM {schema}.meter_usage AS usage
  WHERE usage.tenant_id = given.tenant_id AND usage.meter = given.meter AND usage.level_last_at IS NOT NULL
    AND usage.usage_date < given.usage_date AND usage.usage_date >= given.usage_date - 37
  ORDER BY usage.usage_date DESC
  LIMIT 1
) AS level
