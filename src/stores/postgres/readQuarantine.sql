-- Rows that were put aside, the oldest first. $1 how many at most. Returns them, each with the total of all.
SELECT count(*) OVER () AS total, id::text AS id, producer_id::text AS producer_id, from_record, to_record, kind, content, reason,
       floor(extract(epoch FROM quarantined_at) * 1000)::bigint AS quarantined_at_ms
FROM {schema}.quarantine
ORDER BY quarantined_at, id
LIMIT $1::integer
