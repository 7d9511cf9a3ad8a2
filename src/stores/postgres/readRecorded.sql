-- What windows of one tenant were charged, and how far producers have come, in one snapshot: what lies beyond is not in the sums.
-- $1 tenant, $2 reset number, $3 first dates, $4 last dates, $5 producers. Returns one row of JSON text: sums (in order: units,
-- unconfirmed) and producers (id, last_record).
SELECT
  (
    SELECT coalesce(json_agg(json_build_object(
      'units', coalesce((
        SELECT sum(charge.units) FROM {schema}.quota_charge AS charge
        WHERE charge.tenant_id = $1::text AND charge.usage_date BETWEEN asked.first_date AND asked.last_date
          AND charge.meter = '' AND charge.reset_number = $2::bigint
      ), 0),
      'unconfirmed', coalesce((
        SELECT sum(charge.unconfirmed) FROM {schema}.quota_charge AS charge
        WHERE charge.tenant_id = $1::text AND charge.usage_date BETWEEN asked.first_date AND asked.last_date
          AND charge.meter = '' AND charge.reset_number = $2::bigint
      ), 0)
    ) ORDER BY asked.position), '[]')
    FROM unnest($3::date[], $4::date[]) WITH ORDINALITY AS asked (first_date, last_date, position)
  )::text AS sums,
  (
    SELECT coalesce(json_agg(json_build_object('id', id::text, 'last_record', last_record)), '[]')
    FROM {schema}.usage_producer
    WHERE id = ANY ($5::uuid[])
  )::text AS producers
