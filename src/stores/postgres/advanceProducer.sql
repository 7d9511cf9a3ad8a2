-- The compare-and-set that makes a range of records count once: whoever moves last_record from $2 to $3 applies it.
-- $1 producer, $2 where it must stand, $3 where the batch ends, $4 how many milliseconds ago everything in it and before it was all that
-- the producer had booked, NULL where nobody says so. Returns a row only to the one who moved it.
UPDATE {schema}.usage_producer
SET last_record = $3::bigint, last_seen_at = now(),
    flushed_until = CASE WHEN $4::bigint IS NULL THEN flushed_until ELSE now() - $4::bigint * INTERVAL '1 millisecond' END
WHERE id = $1::uuid AND last_record = $2::bigint
RETURNING last_record
