-- Remembers tenants no more that a run did not find, while it is the one that was claimed last. $1 the run, $2 tenants.
-- Returns tenant_id of each.
DELETE FROM {schema}.collected_storage
WHERE tenant_id = ANY ($2::text[])
  AND run_number < $1::bigint
  AND EXISTS (SELECT FROM {schema}.storage_collection WHERE singleton = 1 AND run_number = $1::bigint)
RETURNING tenant_id
