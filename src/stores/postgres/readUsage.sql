-- One tenant's usage over a range of its days, in one statement and so in one snapshot.
-- $1 tenant, $2 first date, $3 last date, $4 first days of the months, $5 the masks of the days that count in each.
-- Returns one row: now_ms, has_usage (0 or 1), active_users (distinct), and as JSON text days, storage_before (or NULL),
-- points (of the days around the last date), meters, levels_before, level_points and overage (the same of own meters, and units above
-- soft limits by day and meter), adjustments (sums by day and meter), closed_months; and time_zone, billing_anchor_day, earlier_calendars, NULL without a setting.
SELECT
  floor(extract(epoch FROM now()) * 1000)::bigint AS now_ms,
  (EXISTS (SELECT FROM {schema}.tenant_usage WHERE tenant_id = $1::text)
    OR EXISTS (SELECT FROM {schema}.meter_usage WHERE tenant_id = $1::text)
    OR EXISTS (SELECT FROM {schema}.quota_charge WHERE tenant_id = $1::text)
    OR EXISTS (SELECT FROM {schema}.usage_adjustment WHERE tenant_id = $1::text))::integer AS has_usage,
  (
    SELECT count(DISTINCT active.user_hash)
    FROM unnest($4::date[], $5::integer[]) AS asked (month, day_mask)
    JOIN {schema}.tenant_active_user AS active
      ON active.tenant_id = $1::text AND active.month = asked.month AND active.day_mask & asked.day_mask <> 0
  ) AS active_users,
  (
    SELECT coalesce(json_agg(day ORDER BY day.date), '[]')
    FROM (
      SELECT to_char(usage_date, 'YYYY-MM-DD') AS date, api_calls, active_users, storage_byte_ms::text AS byte_ms,
             storage_covered_ms AS covered_ms, storage_peak_bytes AS peak_bytes, storage_last_bytes AS last_bytes,
             extract(epoch FROM storage_last_at)::bigint AS last_at
      FROM {schema}.tenant_usage
      WHERE tenant_id = $1::text AND usage_date BETWEEN $2::date AND $3::date
    ) AS day
  )::text AS days,
  (
    SELECT row_to_json(day)
    FROM (
      SELECT to_char(usage_date, 'YYYY-MM-DD') AS date, storage_byte_ms::text AS byte_ms,
             storage_covered_ms AS covered_ms, storage_peak_bytes AS peak_bytes, storage_last_bytes AS last_bytes,
             extract(epoch FROM storage_last_at)::bigint AS last_at
      FROM {schema}.tenant_usage
      WHERE tenant_id = $1::text AND usage_date < $2::date AND storage_last_at IS NOT NULL
      ORDER BY usage_date DESC
      LIMIT 1
    ) AS day
  )::text AS storage_before,
  (
    SELECT coalesce(json_agg(point ORDER BY point.at_seconds, point.kind DESC, point.id), '[]')
    FROM (
      SELECT extract(epoch FROM at)::bigint AS at_seconds, kind, bytes, id
      FROM (
        SELECT at, 'set' AS kind, bytes, id::text AS id FROM {schema}.storage_point WHERE tenant_id = $1::text
        UNION ALL
        SELECT at, 'add', GREATEST(LEAST(bytes, 9007199254740991), -9007199254740991)::bigint, ''
        FROM {schema}.storage_change
        WHERE tenant_id = $1::text
      ) AS reported
      -- Wide enough for any zone, also for a date that a change of zone made longer; the caller's calendar picks.
      WHERE at >= ($3::date - 2)::timestamp AT TIME ZONE 'UTC'
        AND at < ($3::date + 3)::timestamp AT TIME ZONE 'UTC'
    ) AS point
  )::text AS points,
  (
    SELECT coalesce(json_agg(used ORDER BY used.day, used.meter), '[]')
    FROM (
      -- Days as numbers from the first on, and levels only where there is one: of a year of five meters three quarters of the time.
      SELECT usage_date - $2::date AS day, meter, amount,
             CASE WHEN level_last_at IS NOT NULL THEN json_build_object(
               'byte_ms', level_unit_ms::text, 'covered_ms', level_covered_ms, 'peak_bytes', level_peak, 'last_bytes', level_last,
               'last_at', extract(epoch FROM level_last_at)::bigint
             ) END AS level
      FROM {schema}.meter_usage
      WHERE tenant_id = $1::text AND usage_date BETWEEN $2::date AND $3::date
    ) AS used
  )::text AS meters,
  (
    SELECT coalesce(json_agg(day ORDER BY day.meter), '[]')
    FROM (
      -- A level that is older holds no more; two days more for those that a change of zone made longer.
      SELECT DISTINCT ON (meter) to_char(usage_date, 'YYYY-MM-DD') AS date, meter, level_unit_ms::text AS byte_ms,
             level_covered_ms AS covered_ms, level_peak AS peak_bytes, level_last AS last_bytes,
             extract(epoch FROM level_last_at)::bigint AS last_at
      FROM {schema}.meter_usage
      WHERE tenant_id = $1::text AND usage_date < $2::date AND usage_date >= $2::date - 37 AND level_last_at IS NOT NULL
      ORDER BY meter, usage_date DESC
    ) AS day
  )::text AS levels_before,
  (
    SELECT coalesce(json_agg(point ORDER BY point.meter, point.at_seconds, point.id), '[]')
    FROM (
      SELECT point.meter, extract(epoch FROM point.at)::bigint AS at_seconds, 'set' AS kind, point.level AS bytes, point.id
      -- The meters of the days around the last date, so that each is one stretch of the points' index.
      FROM (
        SELECT DISTINCT meter
        FROM {schema}.meter_usage
        WHERE tenant_id = $1::text AND usage_date BETWEEN $3::date - 2 AND $3::date + 2 AND level_last_at IS NOT NULL
      ) AS known
      JOIN {schema}.meter_point AS point
        ON point.tenant_id = $1::text AND point.meter = known.meter
        AND point.at >= ($3::date - 2)::timestamp AT TIME ZONE 'UTC'
        AND point.at < ($3::date + 3)::timestamp AT TIME ZONE 'UTC'
    ) AS point
  )::text AS level_points,
  (
    SELECT coalesce(json_agg(charged ORDER BY charged.day, charged.meter), '[]')
    FROM (
      SELECT usage_date - $2::date AS day, meter, LEAST(sum(overage), 9007199254740991)::bigint AS units
      FROM {schema}.quota_charge
      WHERE tenant_id = $1::text AND usage_date BETWEEN $2::date AND $3::date AND overage > 0
      GROUP BY usage_date, meter
    ) AS charged
  )::text AS overage,
  (
    SELECT coalesce(json_agg(adjusted ORDER BY adjusted.date, adjusted.meter), '[]')
    FROM (
      SELECT to_char(usage_date, 'YYYY-MM-DD') AS date, meter,
             GREATEST(LEAST(sum(delta), 9007199254740991), -9007199254740991)::bigint AS delta
      FROM {schema}.usage_adjustment
      WHERE tenant_id = $1::text AND usage_date BETWEEN $2::date AND $3::date
      GROUP BY usage_date, meter
    ) AS adjusted
  )::text AS adjustments,
  (
    SELECT coalesce(json_agg(to_char(month, 'YYYY-MM') ORDER BY month), '[]')
    FROM {schema}.closed_period
    WHERE tenant_id = $1::text AND month = ANY ($4::date[])
  )::text AS closed_months,
  setting.time_zone,
  setting.billing_anchor_day,
  setting.earlier_calendars::text AS earlier_calendars
FROM (VALUES (1)) AS always (one)
LEFT JOIN {schema}.tenant AS setting ON setting.tenant_id = $1::text
