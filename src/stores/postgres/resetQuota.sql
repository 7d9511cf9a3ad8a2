-- Gives a tenant's row the number of a new reset, and records the reset. The row of config_version is locked, so nobody else can
-- be changing the tenant's. The number is above the last one and, where the clock allows, the microseconds since 1970: a
-- database that was restored, and has forgotten the last one, still gives a higher one.
-- $1 tenant, $2 version, $3 reason, $4 author. Returns the whole row.
WITH reset AS (
  INSERT INTO {schema}.tenant AS present (tenant_id, version, reset_number)
  VALUES ($1::text, $2::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
  ON CONFLICT (tenant_id) DO UPDATE
  SET version = excluded.version,
      reset_number = GREATEST(present.reset_number + 1, excluded.reset_number)
  RETURNING present.*
), recorded AS (
  INSERT INTO {schema}.quota_reset (tenant_id, reset_number, reason, author, at)
  SELECT tenant_id, reset_number, $3::text, $4::text, clock_timestamp() FROM reset
)
SELECT tenant_id,
       plan,
       limits::text AS limits,
       limit_ends::text AS limit_ends,
       time_zone,
       billing_anchor_day,
       earlier_calendars::text AS earlier_calendars,
       reset_number,
       version
FROM reset
