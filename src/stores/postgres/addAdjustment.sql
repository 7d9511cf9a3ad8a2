-- Books a correction under its key, once. $1 tenant, $2 key (hex), $3 date, $4 meter, $5 delta, $6 reason, $7 author.
-- Returns adjusted_at_ms; no row where the key was there before.
INSERT INTO {schema}.usage_adjustment (tenant_id, key, usage_date, meter, delta, reason, author, adjusted_at)
VALUES ($1::text, decode($2::text, 'hex'), $3::date, $4::text, $5::bigint, $6::text, $7::text, now())
ON CONFLICT (tenant_id, key) DO NOTHING
RETURNING floor(extract(epoch FROM adjusted_at) * 1000)::bigint AS adjusted_at_ms
