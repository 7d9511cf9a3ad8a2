-- Adds amounts to meters of tenants' days, and makes the rows of days whose levels are written next (writeMeterLevels.sql).
-- $1 tenants, $2 dates, $3 meters, $4 amounts (0 for a day of a level). Returns nothing.
INSERT INTO {schema}.meter_usage AS present (tenant_id, usage_date, meter, amount)
SELECT given.*
FROM unnest($1::text[], $2::date[], $3::text[], $4::bigint[]) AS given (tenant_id, usage_date, meter, amount)
ORDER BY given.tenant_id COLLATE "C", given.usage_date, given.meter COLLATE "C"
ON CONFLICT (tenant_id, usage_date, meter) DO UPDATE
SET amount = LEAST(present.amount + excluded.amount, 9007199254740991)
