-- The ledger's identity; no row before it was made.
SELECT id::text AS id, encode(hash_key, 'hex') AS hash_key FROM {schema}.ledger WHERE singleton = 1
