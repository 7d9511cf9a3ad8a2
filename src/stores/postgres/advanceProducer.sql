-- The compare-and-set that makes a range of records count once: whoever moves last_record from $2 to $3 applies it.
-- $1 producer, $2 where it must stand, $3 where the batch ends. Returns a row only to the one who moved it.
UPDATE {schema}.usage_producer
SET last_record = $3::bigint, last_seen_at = now()
WHERE id = $1::uuid AND last_record = $2::bigint
RETURNING last_record
