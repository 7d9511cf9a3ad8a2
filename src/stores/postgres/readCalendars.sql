-- Calendars of tenants that have a setting, and the database's clock. $1 tenants.
-- Returns a row a tenant: now_ms, and time_zone, billing_anchor_day, earlier_calendars (JSON), all NULL without a setting.
SELECT given.tenant_id,
       floor(extract(epoch FROM now()) * 1000)::bigint AS now_ms,
       tenant.time_zone,
       tenant.billing_anchor_day,
       tenant.earlier_calendars::text AS earlier_calendars
FROM unnest($1::text[]) AS given (tenant_id)
LEFT JOIN {schema}.tenant ON tenant.tenant_id = given.tenant_id
