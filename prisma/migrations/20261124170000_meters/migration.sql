-- Meters of the team's own: counters, whose amounts add up, and levels, which hold until the next one. Tables of their own, so that the
-- version before, which knows none of them, writes and reads what it always did.

-- What a tenant used of a meter on one of its days. The columns of levels are 0 or null on a day without a point, as storage has it.
CREATE TABLE "meter_usage" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "usage_date" DATE NOT NULL,
    "meter" TEXT COLLATE "C" NOT NULL,
    "amount" BIGINT NOT NULL DEFAULT 0,
    -- Time-weighted average over the covered time of the day.
    "level_average" BIGINT NOT NULL DEFAULT 0,
    "level_unit_ms" DECIMAL(30,0) NOT NULL DEFAULT 0,
    "level_covered_ms" BIGINT NOT NULL DEFAULT 0,
    "level_peak" BIGINT NOT NULL DEFAULT 0,
    "level_last" BIGINT,
    "level_last_at" TIMESTAMPTZ(0),

    -- The date before the meter: a period of all meters is one stretch of the index.
    CONSTRAINT "meter_usage_pkey" PRIMARY KEY ("tenant_id", "usage_date", "meter"),
    CONSTRAINT "meter_usage_meter_check" CHECK ("meter" <> ''),
    CONSTRAINT "meter_usage_amount_check" CHECK ("amount" BETWEEN 0 AND 9007199254740991),
    CONSTRAINT "meter_usage_level_check" CHECK (
        "level_average" BETWEEN 0 AND "level_peak"
        AND "level_peak" <= 9007199254740991
        AND "level_unit_ms" >= 0
        AND "level_covered_ms" >= 0
    ),
    CONSTRAINT "meter_usage_level_last_check" CHECK (
        CASE WHEN "level_last_at" IS NULL
            THEN "level_last" IS NULL AND "level_covered_ms" = 0 AND "level_peak" = 0 AND "level_unit_ms" = 0
            ELSE "level_last" IS NOT NULL AND "level_last" BETWEEN 0 AND "level_peak"
        END
    )
);

-- Levels as they were reported; kept for some weeks, so that a late one can still change its day.
CREATE TABLE "meter_point" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "meter" TEXT COLLATE "C" NOT NULL,
    "at" TIMESTAMPTZ(0) NOT NULL,
    "id" UUID NOT NULL,
    "level" BIGINT NOT NULL,

    CONSTRAINT "meter_point_pkey" PRIMARY KEY ("tenant_id", "meter", "at", "id"),
    CONSTRAINT "meter_point_level_check" CHECK ("level" BETWEEN 0 AND 9007199254740991)
);

-- Rows of meters may be put aside too.
ALTER TABLE "quarantine" DROP CONSTRAINT "quarantine_kind_check";
ALTER TABLE "quarantine" ADD CONSTRAINT "quarantine_kind_check"
    CHECK ("kind" IN ('call', 'charge', 'user', 'storage', 'commit', 'meter', 'level', 'keyed'));
