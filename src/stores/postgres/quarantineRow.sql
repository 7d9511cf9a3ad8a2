-- Puts one row aside. $1 id, $2 producer, $3 and $4 the records of its batch, $5 kind, $6 content, $7 reason. Returns nothing.
INSERT INTO {schema}.quarantine (id, producer_id, from_record, to_record, kind, content, reason, quarantined_at)
VALUES ($1::uuid, $2::uuid, $3::bigint, $4::bigint, $5::text, $6::text, $7::text, now())
