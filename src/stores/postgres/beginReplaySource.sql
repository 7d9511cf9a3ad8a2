-- The first step of a log: only one can make its row. $1 hash of its identity (hex), $2 the identity's beginning, $3 options,
-- $4 bytes, $5 SHA-256 (hex), $6 lines. Returns a row only to the one who made it.
INSERT INTO {schema}.replay_source
  (source_hash, source, options, consumed_bytes, consumed_sha256, consumed_lines, first_replayed_at, last_replayed_at)
VALUES (decode($1::text, 'hex'), $2::text, $3::text, $4::bigint, decode($5::text, 'hex'), $6::bigint, now(), now())
ON CONFLICT (source_hash) DO NOTHING
RETURNING consumed_bytes
