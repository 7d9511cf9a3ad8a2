-- Replaces the levels of days by what their points integrate to. Must come after addMeters.sql, which made and locked the rows.
-- $1 tenants, $2 meters, $3 dates, $4 averages, $5 unit-milliseconds, $6 covered milliseconds, $7 peaks, $8 last levels, $9 their
-- instants in seconds since 1970. Returns nothing.
UPDATE {schema}.meter_usage AS present
SET level_average = given.average,
    level_unit_ms = given.unit_ms,
    level_covered_ms = given.covered_ms,
    level_peak = given.peak,
    level_last = given.last_level,
    level_last_at = to_timestamp(given.last_at)
FROM unnest($1::text[], $2::text[], $3::date[], $4::bigint[], $5::numeric[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
  AS given (tenant_id, meter, usage_date, average, unit_ms, covered_ms, peak, last_level, last_at)
WHERE present.tenant_id = given.tenant_id AND present.usage_date = given.usage_date AND present.meter = given.meter
