-- Remembers that a run found these tenants, while it is the one that was claimed last. In the order of their ids, so that a process that
-- has lost its claim and does not know it yet cannot wait for its follower in a circle.
-- $1 the run, $2 tenants, each once. Returns one row: held (0 where another has claimed since, and nothing is remembered), and repeated,
-- the tenants that this run had noted before, as JSON text.
WITH claim AS (
  SELECT run_number FROM {schema}.storage_collection WHERE singleton = 1 AND run_number = $1::bigint
), before AS (
  SELECT tenant_id, run_number FROM {schema}.collected_storage WHERE tenant_id = ANY ($2::text[])
), noted AS (
  INSERT INTO {schema}.collected_storage AS present (tenant_id, run_number)
  SELECT given.tenant_id, claim.run_number
  FROM unnest($2::text[]) AS given (tenant_id) CROSS JOIN claim
  ORDER BY given.tenant_id COLLATE "C"
  ON CONFLICT (tenant_id) DO UPDATE SET run_number = excluded.run_number WHERE present.run_number < excluded.run_number
)
SELECT (EXISTS (SELECT FROM claim))::integer AS held,
       (SELECT coalesce(json_agg(tenant_id), '[]') FROM before WHERE run_number = $1::bigint)::text AS repeated
