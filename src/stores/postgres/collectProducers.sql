-- Forgets producers whose id and whose last activity are both older than the minimum age: an id that old is refused when it
-- comes back, so nothing reopens. The id's first 48 bits are the instant it was made at. $1 minimum age in milliseconds,
-- $2 that of producers with a journal. Returns nothing.
DELETE FROM {schema}.usage_producer
WHERE id IN (
  SELECT id
  FROM {schema}.usage_producer
  CROSS JOIN LATERAL (SELECT CASE WHEN has_journal THEN $2::bigint ELSE $1::bigint END AS minimum) AS age
  WHERE id < rpad(lpad(to_hex(floor(extract(epoch FROM now()) * 1000)::bigint - age.minimum), 12, '0'), 32, '0')::uuid
    AND last_seen_at < now() - age.minimum * INTERVAL '1 millisecond'
  FOR UPDATE OF usage_producer SKIP LOCKED
)
