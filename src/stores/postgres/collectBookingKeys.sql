-- Forgets keys that no repeat can come with any more, some at a time. $1 days that they are kept. Returns nothing.
DELETE FROM {schema}.booking_key
WHERE (tenant_id, key) IN (
  SELECT tenant_id, key
  FROM {schema}.booking_key
  WHERE received_on < (now() AT TIME ZONE 'UTC')::date - $1::integer
  ORDER BY received_on
  LIMIT 10000
  FOR UPDATE SKIP LOCKED
)
