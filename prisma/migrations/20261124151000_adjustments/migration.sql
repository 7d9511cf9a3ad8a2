-- Corrections, and months that were closed: what is booked beside the usage, so that the usage itself stays as it was recorded.

-- A signed correction of one day. Never added to tenant_usage: it is added when that is read. Its key is kept for ever, since a repeat
-- is a second correction otherwise.
CREATE TABLE "usage_adjustment" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "key" BYTEA NOT NULL,
    "usage_date" DATE NOT NULL,
    "meter" TEXT COLLATE "C" NOT NULL,
    "delta" BIGINT NOT NULL,
    "reason" TEXT NOT NULL,
    "author" TEXT NOT NULL,
    "adjusted_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "usage_adjustment_pkey" PRIMARY KEY ("tenant_id", "key"),
    CONSTRAINT "usage_adjustment_key_check" CHECK (octet_length("key") = 16),
    CONSTRAINT "usage_adjustment_delta_check" CHECK ("delta" <> 0 AND "delta" BETWEEN -9007199254740991 AND 9007199254740991)
);

-- The usage of a period is read by date.
CREATE INDEX "usage_adjustment_tenant_id_usage_date_idx" ON "usage_adjustment"("tenant_id", "usage_date");

-- A month as it was when it was closed. What arrives for it later goes where all usage goes, and differs from this.
CREATE TABLE "closed_period" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "month" DATE NOT NULL,
    "closed_at" TIMESTAMPTZ(3) NOT NULL,
    "author" TEXT NOT NULL,
    "api_calls" BIGINT NOT NULL,
    "active_users" BIGINT NOT NULL,
    "storage_bytes" BIGINT NOT NULL,
    -- The whole report that the usage API answered then, by day.
    "report" JSONB NOT NULL,

    CONSTRAINT "closed_period_pkey" PRIMARY KEY ("tenant_id", "month"),
    CONSTRAINT "closed_period_month_check" CHECK (EXTRACT(day FROM "month") = 1),
    CONSTRAINT "closed_period_totals_check" CHECK (
        "api_calls" BETWEEN 0 AND 9007199254740991
        AND "active_users" BETWEEN 0 AND 9007199254740991
        AND "storage_bytes" BETWEEN 0 AND 9007199254740991
    )
);
