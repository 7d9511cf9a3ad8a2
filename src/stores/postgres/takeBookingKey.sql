-- Takes the key of something that is booked once; a rival waits here for the other's commit. $1 tenant, $2 key (hex),
-- $3 content (hex), $4 answer. Returns a row where the key was not there before.
INSERT INTO {schema}.booking_key (tenant_id, key, content, answer, received_on)
VALUES ($1::text, decode($2::text, 'hex'), decode($3::text, 'hex'), $4::text, (now() AT TIME ZONE 'UTC')::date)
ON CONFLICT (tenant_id, key) DO NOTHING
RETURNING 1 AS taken
