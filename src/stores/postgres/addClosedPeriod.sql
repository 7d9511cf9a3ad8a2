-- Keeps a month as it is now; one that was closed before stays as it was then. $1 tenant, $2 first day of the month, $3 author,
-- $4 API calls, $5 active users, $6 storage bytes, $7 the report as JSON. Returns nothing.
INSERT INTO {schema}.closed_period (tenant_id, month, closed_at, author, api_calls, active_users, storage_bytes, report)
VALUES ($1::text, $2::date, now(), $3::text, $4::bigint, $5::bigint, $6::bigint, $7::jsonb)
ON CONFLICT (tenant_id, month) DO NOTHING
