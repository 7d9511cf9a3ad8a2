-- Makes the ledger's identity where it has none: of several who try, one wins. $1 id, $2 key (hex). Returns nothing.
INSERT INTO {schema}.ledger (singleton, id, hash_key, created_at)
VALUES (1, $1::uuid, decode($2::text, 'hex'), now())
ON CONFLICT (singleton) DO NOTHING
