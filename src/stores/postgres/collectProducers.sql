-- Forgets producers whose id and whose last activity are both older than the minimum age: an id that old is refused when it
-- comes back, so nothing reopens. The id's first 48 bits are the instant it was made at. $1 minimum age in milliseconds.
-- Returns nothing.
DELETE FROM {schema}.usage_producer
WHERE id IN (
  SELECT id
  FROM {schema}.usage_producer
  WHERE id < rpad(lpad(to_hex(floor(extract(epoch FROM now()) * 1000)::bigint - $1::bigint), 12, '0'), 32, '0')::uuid
    AND last_seen_at < now() - $1::bigint * INTERVAL '1 millisecond'
  FOR UPDATE SKIP LOCKED
)
