-- Settings that changed after a version, with the version of the last change: one statement, so both are of one snapshot.
-- $1 version (0: all). Returns at least one row; tenant_id is NULL in it where nothing changed.
SELECT config.version AS config_version,
       tenant.tenant_id,
       tenant.plan,
       tenant.limits::text AS limits,
       tenant.limit_ends::text AS limit_ends,
       tenant.time_zone,
       tenant.billing_anchor_day,
       tenant.earlier_calendars::text AS earlier_calendars,
       tenant.reset_number,
       tenant.version
FROM (SELECT coalesce(max(version), 0) AS version FROM {schema}.config_version) AS config
LEFT JOIN {schema}.tenant ON tenant.version > $1::bigint
