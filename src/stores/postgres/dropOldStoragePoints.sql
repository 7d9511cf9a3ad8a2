-- Forgets levels and changes of tenants that no late report can concern any more. $1 tenants, $2 seconds since 1970. Returns nothing.
WITH changes AS (
  DELETE FROM {schema}.storage_change
  WHERE tenant_id = ANY ($1::text[]) AND at < to_timestamp($2::bigint)
)
DELETE FROM {schema}.storage_point
WHERE tenant_id = ANY ($1::text[]) AND at < to_timestamp($2::bigint)
