-- Adds changes of levels to what changed in their seconds. $1 tenants, $2 seconds since 1970, $3 bytes, signed. Returns nothing.
INSERT INTO {schema}.storage_change AS present (tenant_id, at, bytes)
SELECT given.tenant_id, to_timestamp(given.at_seconds), sum(given.bytes)
FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS given (tenant_id, at_seconds, bytes)
GROUP BY given.tenant_id, given.at_seconds
ORDER BY given.tenant_id COLLATE "C", given.at_seconds
ON CONFLICT (tenant_id, at) DO UPDATE SET bytes = present.bytes + excluded.bytes
