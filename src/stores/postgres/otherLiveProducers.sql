-- Producers that are not closed and were seen lately, but for one. $1 that one, $2 milliseconds that count as lately.
SELECT id::text AS id, host, pid
FROM {schema}.usage_producer
WHERE closed_at IS NULL AND last_seen_at > now() - $2::bigint * INTERVAL '1 millisecond' AND id <> $1::uuid
ORDER BY id
