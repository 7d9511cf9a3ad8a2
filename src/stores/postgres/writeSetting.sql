-- Replaces one tenant's row; an emptied one is kept, it announces the change and holds the earlier calendars. The number of the
-- last reset stays as it is.
-- $1 tenant, $2 plan, $3 limits (JSON), $4 time zone, $5 billing anchor day, $6 earlier calendars (JSON), $7 version,
-- $8 ends of overrides (JSON). Returns nothing.
INSERT INTO {schema}.tenant (tenant_id, plan, limits, time_zone, billing_anchor_day, earlier_calendars, version, limit_ends)
VALUES ($1::text, $2::text, $3::text::jsonb, $4::text, $5::smallint, $6::text::jsonb, $7::bigint, $8::text::jsonb)
ON CONFLICT (tenant_id) DO UPDATE
SET plan = excluded.plan,
    limits = excluded.limits,
    time_zone = excluded.time_zone,
    billing_anchor_day = excluded.billing_anchor_day,
    earlier_calendars = excluded.earlier_calendars,
    version = excluded.version,
    limit_ends = excluded.limit_ends
