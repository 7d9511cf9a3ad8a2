-- The same as readUserMonths.sql, and locks the rows. $1 tenant, $2 the user's hash (hex). Returns month, day_mask.
SELECT to_char(month, 'YYYY-MM-DD') AS month, day_mask
FROM {schema}.tenant_active_user
WHERE tenant_id = $1::text AND user_hash = decode($2, 'hex')
ORDER BY tenant_active_user.month
FOR UPDATE
