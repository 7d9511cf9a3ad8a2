-- Days of closed months that have less now than when their month was closed, corrections apart. $1 tenants, $2 the first month as a date in
-- it. Returns tenant_id, date, figure, recorded, counted.
SELECT closed.tenant_id, day.text ->> 'date' AS date, figure.name AS figure, figure.present AS recorded, figure.closed AS counted
FROM {schema}.closed_period AS closed
CROSS JOIN LATERAL jsonb_array_elements(closed.report -> 'daily') AS day (text)
LEFT JOIN {schema}.tenant_usage AS usage
  ON usage.tenant_id = closed.tenant_id AND usage.usage_date = (day.text ->> 'date')::date
CROSS JOIN LATERAL (VALUES
  (
    'closed_api_calls',
    coalesce(day.text #>> '{adjustments,apiCalls,recorded}', day.text ->> 'apiCalls')::bigint,
    coalesce(usage.api_calls, 0)
  ),
  ('closed_active_users', (day.text ->> 'activeUsers')::bigint, coalesce(usage.active_users, 0))
) AS figure (name, closed, present)
WHERE closed.tenant_id = ANY ($1::text[]) AND closed.month >= date_trunc('month', $2::date)::date AND figure.present < figure.closed
ORDER BY closed.tenant_id, date, figure.name
