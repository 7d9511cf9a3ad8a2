-- Levels of meters of tenants from an instant on, oldest first, as readStoragePoints.sql has them.
-- $1 tenants, $2 meters, $3 seconds since 1970, one a meter. Returns tenant_id, meter, at_seconds, kind (set), bytes, id.
SELECT point.tenant_id, point.meter, extract(epoch FROM point.at)::bigint AS at_seconds, 'set' AS kind, point.level AS bytes,
       point.id::text AS id
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS given (tenant_id, meter, at_seconds)
JOIN {schema}.meter_point AS point
  ON point.tenant_id = given.tenant_id AND point.meter = given.meter AND point.at >= to_timestamp(given.at_seconds)
ORDER BY point.tenant_id COLLATE "C", point.meter COLLATE "C", point.at, point.id
