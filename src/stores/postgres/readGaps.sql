-- Records that are known to be missing, the latest first. $1 how many at most. Returns them, each with the total of all.
SELECT count(*) OVER () AS total, producer_id::text AS producer_id, from_record, to_record, reason,
       floor(extract(epoch FROM recorded_at) * 1000)::bigint AS recorded_at_ms
FROM {schema}.usage_gap
ORDER BY usage_gap.recorded_at DESC, producer_id, from_record
LIMIT $1::integer
