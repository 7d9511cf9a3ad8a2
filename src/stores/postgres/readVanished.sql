-- Tenants that earlier runs found and this one did not. $1 the run, $2 most. Returns tenant_id.
SELECT tenant_id
FROM {schema}.collected_storage
WHERE run_number < $1::bigint
ORDER BY tenant_id
LIMIT $2::bigint
