-- Points of tenants from an instant on, oldest first. $1 tenants, $2 seconds since 1970, one a tenant.
SELECT point.tenant_id,
       extract(epoch FROM point.at)::bigint AS at_seconds,
       point.bytes,
       point.id::text AS id
FROM unnest($1::text[], $2::bigint[]) AS given (tenant_id, at_seconds)
JOIN {schema}.storage_point AS point
  ON point.tenant_id = given.tenant_id AND point.at >= to_timestamp(given.at_seconds)
ORDER BY point.tenant_id COLLATE "C", point.at, point.id
