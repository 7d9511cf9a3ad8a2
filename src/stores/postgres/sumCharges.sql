-- Units that windows of tenants were charged: one sum a query, in their order.
-- $1 tenants, $2 meters, $3 reset numbers, $4 first dates, $5 last dates.
SELECT LEAST(coalesce((
  SELECT sum(charge.units)
  FROM {schema}.quota_charge AS charge
  WHERE charge.tenant_id = asked.tenant_id
    AND charge.usage_date BETWEEN asked.first_date AND asked.last_date
    AND charge.meter = asked.meter
    AND charge.reset_number = asked.reset_number
), 0), 9007199254740991)::bigint AS units
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::date[], $5::date[]) WITH ORDINALITY
  AS asked (tenant_id, meter, reset_number, first_date, last_date, position)
ORDER BY asked.position
