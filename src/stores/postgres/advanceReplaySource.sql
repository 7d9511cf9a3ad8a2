-- A further step of a log, by compare-and-set. $1 hash of its identity (hex), $2 options, $3 to $5 bytes, SHA-256 (hex) and
-- lines afterwards, $6 to $8 the same before. Returns a row only to the one who moved it.
UPDATE {schema}.replay_source
SET consumed_bytes = $3::bigint, consumed_sha256 = decode($4::text, 'hex'), consumed_lines = $5::bigint, last_replayed_at = now()
WHERE source_hash = decode($1::text, 'hex')
  AND options = $2::text
  AND consumed_bytes = $6::bigint
  AND consumed_sha256 = decode($7::text, 'hex')
  AND consumed_lines = $8::bigint
RETURNING consumed_bytes
