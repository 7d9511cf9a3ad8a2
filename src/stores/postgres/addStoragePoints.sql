-- Keeps reported levels. The same point again changes nothing.
-- $1 tenants, $2 seconds since 1970, $3 ids, $4 bytes. Returns nothing.
INSERT INTO {schema}.storage_point (tenant_id, at, id, bytes)
SELECT given.tenant_id, to_timestamp(given.at_seconds), given.id, given.bytes
FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::bigint[]) AS given (tenant_id, at_seconds, id, bytes)
ON CONFLICT (tenant_id, at, id) DO NOTHING
