-- Locks the storage rows of tenants, in one order, before their points are read. $1 tenants, each once. Returns nothing.
INSERT INTO {schema}.tenant_storage (tenant_id, integrated_at)
SELECT given.tenant_id, now()
FROM unnest($1::text[]) AS given (tenant_id)
ORDER BY given.tenant_id COLLATE "C"
ON CONFLICT (tenant_id) DO UPDATE SET integrated_at = excluded.integrated_at
