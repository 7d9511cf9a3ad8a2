-- Takes out a row that was put aside. Of several who ask one gets it: a rival waits here and then finds nothing. $1 its id.
-- Returns it.
DELETE FROM {schema}.quarantine
WHERE id = $1::uuid
RETURNING id::text AS id, producer_id::text AS producer_id, from_record, to_record, kind, content, reason,
          floor(extract(epoch FROM quarantined_at) * 1000)::bigint AS quarantined_at_ms
