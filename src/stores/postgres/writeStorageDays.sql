-- Replaces the storage of days by what their points integrate to. Must come after addUsage.sql, which made and locked the rows.
-- $1 tenants, $2 dates, $3 averages, $4 byte-milliseconds, $5 covered milliseconds, $6 peaks, $7 last levels, $8 their
-- instants in seconds since 1970. Returns nothing.
UPDATE {schema}.tenant_usage AS present
SET storage_bytes = given.average,
    storage_byte_ms = given.byte_ms,
    storage_covered_ms = given.covered_ms,
    storage_peak_bytes = given.peak,
    storage_last_bytes = given.last_bytes,
    storage_last_at = to_timestamp(given.last_at)
FROM unnest($1::text[], $2::date[], $3::bigint[], $4::numeric[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
  AS given (tenant_id, usage_date, average, byte_ms, covered_ms, peak, last_bytes, last_at)
WHERE present.tenant_id = given.tenant_id AND present.usage_date = given.usage_date
