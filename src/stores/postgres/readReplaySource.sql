-- How much of a log was consumed. $1 hash of its identity (hex). No row where it was never replayed.
SELECT options, consumed_bytes, encode(consumed_sha256, 'hex') AS consumed_sha256, consumed_lines
FROM {schema}.replay_source
WHERE source_hash = decode($1::text, 'hex')
