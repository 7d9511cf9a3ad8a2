-- Makes a producer's row, only while its id is young by the database's clock.
-- $1 id, $2 milliseconds since 1970 at which the id was made, $3 host, $4 pid, $5 minimum age in milliseconds.
-- Returns registered: 1 where the row is there afterwards. A young id that conflicts is there, even where this statement's
-- snapshot cannot see the row that it conflicted with.
WITH age AS (
  SELECT $2::bigint > floor(extract(epoch FROM now()) * 1000)::bigint - $5::bigint AS is_young
), added AS (
  INSERT INTO {schema}.usage_producer (id, last_record, host, pid, first_seen_at, last_seen_at)
  SELECT $1::uuid, 0, $3::text, $4::integer, now(), now() FROM age WHERE is_young
  ON CONFLICT (id) DO NOTHING
)
SELECT (is_young OR EXISTS (SELECT FROM {schema}.usage_producer WHERE id = $1::uuid))::integer AS registered
FROM age
