-- Producers that have not closed, those seen lately first. $1 milliseconds that count as lately, $2 how many at most.
SELECT id::text AS id, host, pid, last_record, has_journal::integer AS has_journal,
       floor(extract(epoch FROM last_seen_at) * 1000)::bigint AS last_seen_at_ms,
       floor(extract(epoch FROM flushed_until) * 1000)::bigint AS flushed_until_ms,
       (last_seen_at > now() - $1::bigint * INTERVAL '1 millisecond')::integer AS is_live
FROM {schema}.usage_producer
WHERE closed_at IS NULL
ORDER BY last_seen_at DESC, id
LIMIT $2::integer
