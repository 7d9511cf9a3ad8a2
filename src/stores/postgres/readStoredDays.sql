-- What storage days of tenants are made of, with the days as they are stored, in one snapshot a tenant; tenants without either are left out.
-- $1 tenants, $2 first and $3 last date. Returns tenant_id; as JSON text days (as readUsage.sql has them), level_before (or NULL: the
-- last level before the first date), points (oldest first, also some of before it: the caller's calendar picks); and time_zone,
-- billing_anchor_day, earlier_calendars, NULL without a setting.
SELECT given.tenant_id, found.days::text AS days, found.points::text AS points, setting.time_zone, setting.billing_anchor_day,
       setting.earlier_calendars::text AS earlier_calendars,
       (
         SELECT json_build_object('atSeconds', extract(epoch FROM storage_last_at)::bigint, 'bytes', storage_last_bytes)
         FROM {schema}.tenant_usage
         WHERE tenant_id = given.tenant_id AND usage_date < $2::date AND storage_last_at IS NOT NULL
         ORDER BY usage_date DESC
         LIMIT 1
       )::text AS level_before
FROM unnest($1::text[]) AS given (tenant_id)
CROSS JOIN LATERAL (
  SELECT
    (
      SELECT json_agg(json_build_object(
        'date', to_char(usage_date, 'YYYY-MM-DD'), 'byte_ms', storage_byte_ms::text, 'covered_ms', storage_covered_ms,
        'peak_bytes', storage_peak_bytes, 'last_bytes', storage_last_bytes,
        'last_at', extract(epoch FROM storage_last_at)::bigint
      ))
      FROM {schema}.tenant_usage
      WHERE tenant_id = given.tenant_id AND usage_date BETWEEN $2::date AND $3::date AND storage_last_at IS NOT NULL
    ) AS days,
    (
      SELECT json_agg(point ORDER BY point.at_seconds, point.kind DESC, point.id)
      FROM (
        SELECT extract(epoch FROM at)::bigint AS at_seconds, kind, bytes, id
        FROM (
          SELECT at, 'set' AS kind, bytes, id::text AS id
          FROM {schema}.storage_point
          WHERE tenant_id = given.tenant_id
          UNION ALL
          SELECT at, 'add', GREATEST(LEAST(bytes, 9007199254740991), -9007199254740991)::bigint, ''
          FROM {schema}.storage_change
          WHERE tenant_id = given.tenant_id
        ) AS reported
        -- Wide enough for any zone.
        WHERE at >= ($2::date - 2)::timestamp AT TIME ZONE 'UTC' AND at < ($3::date + 3)::timestamp AT TIME ZONE 'UTC'
      ) AS point
    ) AS points
) AS found
LEFT JOIN {schema}.tenant AS setting ON setting.tenant_id = given.tenant_id
WHERE found.days IS NOT NULL OR found.points IS NOT NULL
