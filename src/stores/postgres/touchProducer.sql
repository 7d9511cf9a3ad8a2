-- Says that a producer lives, or that it closed; what has closed stays closed. $1 id, $2 whether it closes. Returns nothing.
UPDATE {schema}.usage_producer
SET last_seen_at = now(), closed_at = CASE WHEN $2::boolean THEN coalesce(closed_at, now()) ELSE closed_at END
WHERE id = $1::uuid
