-- Keeps reported levels of meters. The same point again changes nothing.
-- $1 tenants, $2 meters, $3 seconds since 1970, $4 ids, $5 levels. Returns nothing.
INSERT INTO {schema}.meter_point (tenant_id, meter, at, id, level)
SELECT given.tenant_id, given.meter, to_timestamp(given.at_seconds), given.id, given.level
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::uuid[], $5::bigint[]) AS given (tenant_id, meter, at_seconds, id, level)
ON CONFLICT (tenant_id, meter, at, id) DO NOTHING
