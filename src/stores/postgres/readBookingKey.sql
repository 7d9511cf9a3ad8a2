-- What was booked under a key. $1 tenant, $2 key (hex). Returns content (hex) and answer, or no row.
SELECT encode(content, 'hex') AS content, answer
FROM {schema}.booking_key
WHERE tenant_id = $1::text AND key = decode($2::text, 'hex')
