-- Says that a producer lives, or that it closed; what has closed stays closed. $1 id, $2 whether it closes, $3 the record up to which
-- it has booked, $4 how many milliseconds ago that was all, both NULL where it does not say so. A ledger that stands elsewhere
-- went back or forward in time, and is not said to have everything. Returns last_record; no row where the producer has none.
UPDATE {schema}.usage_producer
SET last_seen_at = now(),
    closed_at = CASE WHEN $2::boolean THEN coalesce(closed_at, now()) ELSE closed_at END,
    flushed_until = CASE
      WHEN last_record = $3::bigint THEN now() - $4::bigint * INTERVAL '1 millisecond'
      ELSE flushed_until
    END
WHERE id = $1::uuid
RETURNING last_record
