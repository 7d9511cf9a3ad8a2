-- Days of tenants on which a meter has less than the quota admitted of it. $1 tenants, $2 first and $3 last date.
-- Returns tenant_id, date, meter, recorded, counted.
SELECT charged.tenant_id, to_char(charged.usage_date, 'YYYY-MM-DD') AS date, charged.meter,
       coalesce(usage.amount, 0) AS recorded, charged.units AS counted
FROM (
  SELECT tenant_id, usage_date, meter, LEAST(sum(units), 9007199254740991)::bigint AS units
  FROM {schema}.quota_charge
  WHERE tenant_id = ANY ($1::text[]) AND usage_date BETWEEN $2::date AND $3::date AND meter <> ''
  GROUP BY tenant_id, usage_date, meter
) AS charged
LEFT JOIN {schema}.meter_usage AS usage
  ON usage.tenant_id = charged.tenant_id AND usage.usage_date = charged.usage_date AND usage.meter = charged.meter
WHERE coalesce(usage.amount, 0) < charged.units
ORDER BY charged.tenant_id, charged.usage_date, charged.meter
