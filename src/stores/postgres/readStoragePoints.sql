-- Levels that were set and changes of them, of tenants from an instant on, oldest first. A second's changes are one row, saturated.
-- $1 tenants, $2 seconds since 1970, one a tenant. Returns tenant_id, at_seconds, kind (set or add), bytes, id ('' of changes).
SELECT point.tenant_id,
       extract(epoch FROM point.at)::bigint AS at_seconds,
       point.kind,
       point.bytes,
       point.id
FROM unnest($1::text[], $2::bigint[]) AS given (tenant_id, at_seconds)
CROSS JOIN LATERAL (
  SELECT tenant_id, at, 'set' AS kind, bytes, id::text AS id
  FROM {schema}.storage_point
  WHERE tenant_id = given.tenant_id AND at >= to_timestamp(given.at_seconds)
  UNION ALL
  SELECT tenant_id, at, 'add', GREATEST(LEAST(bytes, 9007199254740991), -9007199254740991)::bigint, ''
  FROM {schema}.storage_change
  WHERE tenant_id = given.tenant_id AND at >= to_timestamp(given.at_seconds)
) AS point
ORDER BY point.tenant_id COLLATE "C", point.at, point.kind DESC, point.id
