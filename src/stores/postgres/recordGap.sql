-- Keeps what is known to be missing; the same gap again changes nothing. $1 producer, $2 from, $3 to, $4 reason. Returns nothing.
INSERT INTO {schema}.usage_gap (producer_id, from_record, to_record, reason, recorded_at)
VALUES ($1::uuid, $2::bigint, $3::bigint, $4::text, now())
ON CONFLICT (producer_id, from_record, to_record) DO NOTHING
