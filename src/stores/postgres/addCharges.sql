-- Adds what the quota admitted, denied, could not confirm, and let pass above soft limits. Units never decrease.
-- $1 tenants, $2 dates, $3 meters, $4 reset numbers, $5 units, $6 denied, $7 unconfirmed, $8 overage.
-- Returns nothing.
INSERT INTO {schema}.quota_charge AS present (tenant_id, usage_date, meter, reset_number, units, denied, unconfirmed, overage)
SELECT given.*
FROM unnest($1::text[], $2::date[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
  AS given (tenant_id, usage_date, meter, reset_number, units, denied, unconfirmed, overage)
ORDER BY given.tenant_id COLLATE "C", given.usage_date, given.meter COLLATE "C", given.reset_number
ON CONFLICT (tenant_id, usage_date, meter, reset_number) DO UPDATE
SET units = LEAST(present.units + excluded.units, 9007199254740991),
    denied = LEAST(present.denied + excluded.denied, 9007199254740991),
    unconfirmed = LEAST(present.unconfirmed + excluded.unconfirmed, 9007199254740991),
    overage = LEAST(present.overage + excluded.overage, 9007199254740991)
