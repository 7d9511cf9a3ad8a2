-- Gives the rows of a user another hash. $1 tenant, $2 the hash and $3 its replacement (hex), $4 first days of months.
-- Returns nothing.
UPDATE {schema}.tenant_active_user
SET user_hash = decode($3, 'hex')
WHERE tenant_id = $1::text AND month = ANY ($4::date[]) AND user_hash = decode($2, 'hex')
