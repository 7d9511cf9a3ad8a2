-- Adds calls to tenants' days, and makes every day that the batch touches in any way: its row's lock is what orders the
-- writers, so all of them are taken here, by one statement, in one order.
-- $1 tenants, $2 dates, $3 calls (0 for a day that only gains users or storage). Returns nothing.
INSERT INTO {schema}.tenant_usage AS present (tenant_id, usage_date, api_calls)
SELECT given.tenant_id, given.usage_date, given.api_calls
FROM unnest($1::text[], $2::date[], $3::bigint[]) AS given (tenant_id, usage_date, api_calls)
ORDER BY given.tenant_id COLLATE "C", given.usage_date
ON CONFLICT (tenant_id, usage_date) DO UPDATE
SET api_calls = LEAST(present.api_calls + excluded.api_calls, 9007199254740991)
