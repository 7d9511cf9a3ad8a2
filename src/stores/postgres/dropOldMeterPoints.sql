-- Forgets levels of meters of tenants that no late report can concern any more. $1 tenants, $2 meters, $3 seconds since 1970.
-- Returns nothing.
DELETE FROM {schema}.meter_point AS point
USING unnest($1::text[], $2::text[]) AS given (tenant_id, meter)
WHERE point.tenant_id = given.tenant_id AND point.meter = given.meter AND point.at < to_timestamp($3::bigint)
