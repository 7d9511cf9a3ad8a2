-- What windows of tenants were charged, and how far producers have come, in one snapshot: what lies beyond is not in the sums.
-- $1 tenants, $2 meters, $3 reset numbers, $4 first dates, $5 last dates, $6 producers. Returns one row of JSON text: sums (in order:
-- units, unconfirmed) and producers (id, last_record).
SELECT
  (
    SELECT coalesce(json_agg(json_build_object(
      'units', charged.units, 'unconfirmed', charged.unconfirmed
    ) ORDER BY asked.position), '[]')
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::date[], $5::date[]) WITH ORDINALITY
      AS asked (tenant_id, meter, reset_number, first_date, last_date, position)
    CROSS JOIN LATERAL (
      SELECT LEAST(coalesce(sum(charge.units), 0), 9007199254740991)::bigint AS units,
             LEAST(coalesce(sum(charge.unconfirmed), 0), 9007199254740991)::bigint AS unconfirmed
      FROM {schema}.quota_charge AS charge
      WHERE charge.tenant_id = asked.tenant_id
        AND charge.usage_date BETWEEN asked.first_date AND asked.last_date
        AND charge.meter = asked.meter
        AND charge.reset_number = asked.reset_number
    ) AS charged
  )::text AS sums,
  (
    SELECT coalesce(json_agg(json_build_object('id', id::text, 'last_record', last_record)), '[]')
    FROM {schema}.usage_producer
    WHERE id = ANY ($6::uuid[])
  )::text AS producers
