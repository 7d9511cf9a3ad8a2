-- Merges users' active days into their masks, and lets each day's active_users grow by the bits that were new.
-- Must come after addUsage.sql, as a statement of its own: whoever holds a day's row owns that day's bit of every user of
-- the tenant, and only a statement that begins after the lock was granted sees the bits of the holder before. Users whose
-- bits are all known, the usual case, are read and neither locked nor written.
-- $1 tenants, $2 first days of months, $3 hashes (hex), $4 masks. Returns nothing.
WITH given AS MATERIALIZED (
  SELECT tenant_id, month, decode(user_hash, 'hex') AS user_hash, day_mask
  FROM unnest($1::text[], $2::date[], $3::text[], $4::integer[]) AS given (tenant_id, month, user_hash, day_mask)
), compared AS MATERIALIZED (
  -- A scalar subquery and no join: always one look at the primary key a user, whatever the planner believes of the table.
  SELECT given.*, given.day_mask & ~coalesce((
    SELECT known.day_mask FROM {schema}.tenant_active_user AS known
    WHERE known.tenant_id = given.tenant_id AND known.month = given.month AND known.user_hash = given.user_hash
  ), 0) AS new_days
  FROM given
), merged AS (
  INSERT INTO {schema}.tenant_active_user AS present (tenant_id, month, user_hash, day_mask)
  SELECT tenant_id, month, user_hash, day_mask
  FROM compared
  WHERE new_days <> 0
  ORDER BY tenant_id COLLATE "C", month, user_hash
  ON CONFLICT (tenant_id, month, user_hash) DO UPDATE SET day_mask = present.day_mask | excluded.day_mask
), asked AS MATERIALIZED (
  SELECT day FROM generate_series(1, 31) AS day
  WHERE (SELECT bit_or(day_mask) FROM given) & (1 << (day - 1)) <> 0
)
-- An upsert and no UPDATE ... FROM: every row is there already, and the planner, which cannot know how many days of a batch
-- are new, would read the whole of the largest table to join with them. This way it is one look at the primary key a day.
INSERT INTO {schema}.tenant_usage AS present (tenant_id, usage_date, active_users)
SELECT tenant_id, month + (day - 1), count(*)
FROM compared CROSS JOIN asked
WHERE new_days & (1 << (day - 1)) <> 0
GROUP BY 1, 2
ON CONFLICT (tenant_id, usage_date) DO UPDATE
SET active_users = LEAST(present.active_users + excluded.active_users, 9007199254740991)
