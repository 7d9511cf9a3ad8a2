-- One tenant's row. $1 tenant. The row of config_version is locked, so nobody else can be changing it.
SELECT tenant_id,
       plan,
       limits::text AS limits,
       limit_ends::text AS limit_ends,
       time_zone,
       billing_anchor_day,
       earlier_calendars::text AS earlier_calendars,
       reset_number,
       version
FROM {schema}.tenant
WHERE tenant_id = $1::text
