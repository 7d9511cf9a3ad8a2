-- Makes a producer's row, only while its id is young by the database's clock; the id's first 48 bits are when it was made, and
-- an instant in the future is young. $1 id, $2 host, $3 pid, $4 minimum age in milliseconds,
-- $5 whether it keeps a journal. Nothing that it booked is in the ledger yet.
-- Returns registered: 1 where the row is there afterwards. A young id that conflicts is there, even where this statement's
-- snapshot cannot see the row that it conflicted with.
WITH age AS (
  SELECT $1::uuid >= rpad(lpad(to_hex(floor(extract(epoch FROM now()) * 1000)::bigint - $4::bigint), 12, '0'), 32, '0')::uuid
    AS is_young
), added AS (
  INSERT INTO {schema}.usage_producer (id, last_record, host, pid, first_seen_at, last_seen_at, has_journal, flushed_until)
  SELECT $1::uuid, 0, $2::text, $3::integer, now(), now(), $5::boolean, to_timestamp(0) FROM age WHERE is_young
  ON CONFLICT (id) DO NOTHING
)
SELECT (is_young OR EXISTS (SELECT FROM {schema}.usage_producer WHERE id = $1::uuid))::integer AS registered
FROM age
