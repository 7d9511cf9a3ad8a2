-- Takes the keys of what is booked once. Whoever inserts a key books what came with it; a rival waits here for the other's commit.
-- All writers take them in one order. $1 tenants, $2 keys (hex); each pair once. Returns the pairs that were not there before.
INSERT INTO {schema}.event_dedupe (tenant_id, key, received_on)
SELECT given.tenant_id, decode(given.key, 'hex'), (now() AT TIME ZONE 'UTC')::date
FROM unnest($1::text[], $2::text[]) AS given (tenant_id, key)
ORDER BY given.tenant_id COLLATE "C", decode(given.key, 'hex')
ON CONFLICT (tenant_id, key) DO NOTHING
RETURNING tenant_id, encode(key, 'hex') AS key
