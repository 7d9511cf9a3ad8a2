-- Tenants that the ledger knows, in the order of their bytes, without reading all rows of any: each step asks every table for the next one.
-- $1 the tenant behind which to begin, $2 how many at most. Returns tenant_id.
WITH RECURSIVE next (tenant_id, number) AS (
  SELECT (LEAST(
      (SELECT min(tenant_id) FROM {schema}.tenant WHERE tenant_id > $1::text),
      (SELECT min(tenant_id) FROM {schema}.quota_charge WHERE tenant_id > $1::text),
      (SELECT min(tenant_id) FROM {schema}.tenant_usage WHERE tenant_id > $1::text),
      (SELECT min(tenant_id) FROM {schema}.usage_adjustment WHERE tenant_id > $1::text),
      (SELECT min(tenant_id) FROM {schema}.closed_period WHERE tenant_id > $1::text)
    )) COLLATE "C", 1
  UNION ALL
  SELECT (LEAST(
      (SELECT min(tenant_id) FROM {schema}.tenant WHERE tenant_id > next.tenant_id),
      (SELECT min(tenant_id) FROM {schema}.quota_charge WHERE tenant_id > next.tenant_id),
      (SELECT min(tenant_id) FROM {schema}.tenant_usage WHERE tenant_id > next.tenant_id),
      (SELECT min(tenant_id) FROM {schema}.usage_adjustment WHERE tenant_id > next.tenant_id),
      (SELECT min(tenant_id) FROM {schema}.closed_period WHERE tenant_id > next.tenant_id)
    )) COLLATE "C", next.number + 1
  FROM next
  WHERE next.tenant_id IS NOT NULL AND next.number < $2::integer
)
SELECT tenant_id FROM next WHERE tenant_id IS NOT NULL ORDER BY number
