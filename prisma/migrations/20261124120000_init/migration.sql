-- The tables of the usage ledger and of the tenants' settings. No statement names a PostgreSQL schema: the runner sets
-- search_path, and a team that adopts the tables may keep them wherever it likes.
--
-- Ids of tenants are compared byte by byte (COLLATE "C"): concurrent writers lock rows in one order whatever the locale.
-- Counters end at 2^53-1, the largest number that JavaScript, JSON and Redis's Lua count exactly.

-- What a tenant used on one of its days. The table that people query.
CREATE TABLE "tenant_usage" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "usage_date" DATE NOT NULL,
    "api_calls" BIGINT NOT NULL DEFAULT 0,
    "active_users" BIGINT NOT NULL DEFAULT 0,
    "storage_bytes" BIGINT NOT NULL DEFAULT 0,
    "storage_byte_ms" DECIMAL(30,0) NOT NULL DEFAULT 0,
    "storage_covered_ms" BIGINT NOT NULL DEFAULT 0,
    "storage_peak_bytes" BIGINT NOT NULL DEFAULT 0,
    "storage_last_bytes" BIGINT,
    "storage_last_at" TIMESTAMPTZ(0),

    CONSTRAINT "tenant_usage_pkey" PRIMARY KEY ("tenant_id", "usage_date"),
    CONSTRAINT "tenant_usage_api_calls_check" CHECK ("api_calls" BETWEEN 0 AND 9007199254740991),
    CONSTRAINT "tenant_usage_active_users_check" CHECK ("active_users" BETWEEN 0 AND 9007199254740991),
    CONSTRAINT "tenant_usage_storage_check" CHECK (
        "storage_bytes" BETWEEN 0 AND "storage_peak_bytes"
        AND "storage_peak_bytes" <= 9007199254740991
        AND "storage_byte_ms" >= 0
        AND "storage_covered_ms" >= 0
    ),
    -- A day has a last level exactly where one of its instants has a point: what is carried over is never stored.
    CONSTRAINT "tenant_usage_storage_last_check" CHECK (
        CASE WHEN "storage_last_at" IS NULL
            THEN "storage_last_bytes" IS NULL AND "storage_covered_ms" = 0 AND "storage_peak_bytes" = 0 AND "storage_byte_ms" = 0
            ELSE "storage_last_bytes" IS NOT NULL AND "storage_last_bytes" BETWEEN 0 AND "storage_peak_bytes"
        END
    )
);

-- What the quota did, apart from what was called: costs and conditions make the two differ.
CREATE TABLE "quota_charge" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "usage_date" DATE NOT NULL,
    "meter" TEXT COLLATE "C" NOT NULL,
    "reset_number" BIGINT NOT NULL,
    "units" BIGINT NOT NULL DEFAULT 0,
    "denied" BIGINT NOT NULL DEFAULT 0,
    "unconfirmed" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "quota_charge_pkey" PRIMARY KEY ("tenant_id", "usage_date", "meter", "reset_number"),
    CONSTRAINT "quota_charge_reset_number_check" CHECK ("reset_number" >= 0),
    CONSTRAINT "quota_charge_units_check" CHECK ("units" BETWEEN 0 AND 9007199254740991),
    CONSTRAINT "quota_charge_denied_check" CHECK ("denied" BETWEEN 0 AND 9007199254740991),
    CONSTRAINT "quota_charge_unconfirmed_check" CHECK ("unconfirmed" BETWEEN 0 AND 9007199254740991)
);

-- Days of one month on which one user was active: bit n-1 is day n. The user is a keyed hash, never a name.
CREATE TABLE "tenant_active_user" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "month" DATE NOT NULL,
    "user_hash" BYTEA NOT NULL,
    "day_mask" INTEGER NOT NULL,

    CONSTRAINT "tenant_active_user_pkey" PRIMARY KEY ("tenant_id", "month", "user_hash"),
    CONSTRAINT "tenant_active_user_month_check" CHECK (EXTRACT(DAY FROM "month") = 1),
    CONSTRAINT "tenant_active_user_user_hash_check" CHECK (octet_length("user_hash") = 16),
    -- A bit beyond the month's last day would be booked into the next month.
    CONSTRAINT "tenant_active_user_day_mask_check" CHECK (
        "day_mask" > 0
        AND "day_mask"::bigint < 1::bigint << EXTRACT(DAY FROM "month" + INTERVAL '1 month' - INTERVAL '1 day')::integer
    )
);

-- Storage levels as they were reported; kept for some weeks, so that a late one can still change its day.
CREATE TABLE "storage_point" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "at" TIMESTAMPTZ(0) NOT NULL,
    "id" UUID NOT NULL,
    "bytes" BIGINT NOT NULL,

    CONSTRAINT "storage_point_pkey" PRIMARY KEY ("tenant_id", "at", "id"),
    CONSTRAINT "storage_point_bytes_check" CHECK ("bytes" BETWEEN 0 AND 9007199254740991)
);

-- One row a tenant that reports storage, locked while its days are recomputed from its points.
CREATE TABLE "tenant_storage" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "integrated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "tenant_storage_pkey" PRIMARY KEY ("tenant_id")
);

-- What operators set for a tenant. An emptied row is no setting, but still holds the calendars of earlier days.
CREATE TABLE "tenant" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "plan" TEXT,
    "limits" JSONB NOT NULL DEFAULT '{}',
    "time_zone" TEXT,
    "billing_anchor_day" SMALLINT,
    "earlier_calendars" JSONB NOT NULL DEFAULT '[]',
    "version" BIGINT NOT NULL,

    CONSTRAINT "tenant_pkey" PRIMARY KEY ("tenant_id"),
    CONSTRAINT "tenant_limits_check" CHECK (jsonb_typeof("limits") = 'object'),
    CONSTRAINT "tenant_billing_anchor_day_check" CHECK ("billing_anchor_day" BETWEEN 1 AND 31),
    CONSTRAINT "tenant_earlier_calendars_check" CHECK (jsonb_typeof("earlier_calendars") = 'array'),
    CONSTRAINT "tenant_version_check" CHECK ("version" BETWEEN 1 AND 9007199254740991)
);

CREATE INDEX "tenant_version_idx" ON "tenant"("version");

-- The version of the last change of any tenant's setting. Its one row's lock puts all changes in a line.
CREATE TABLE "config_version" (
    "singleton" SMALLINT NOT NULL DEFAULT 1,
    "version" BIGINT NOT NULL,

    CONSTRAINT "config_version_pkey" PRIMARY KEY ("singleton"),
    CONSTRAINT "config_version_singleton_check" CHECK ("singleton" = 1),
    CONSTRAINT "config_version_version_check" CHECK ("version" BETWEEN 1 AND 9007199254740991)
);

-- Who feeds this ledger, and how far each has come: a batch and the step of last_record are one transaction.
CREATE TABLE "usage_producer" (
    "id" UUID NOT NULL,
    "last_record" BIGINT NOT NULL DEFAULT 0,
    "host" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL,
    "closed_at" TIMESTAMPTZ(3),

    CONSTRAINT "usage_producer_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "usage_producer_last_record_check" CHECK ("last_record" BETWEEN 0 AND 9007199254740991)
);

-- Records that were acknowledged and are known to be in no ledger any more.
CREATE TABLE "usage_gap" (
    "producer_id" UUID NOT NULL,
    "from_record" BIGINT NOT NULL,
    "to_record" BIGINT NOT NULL,
    "reason" TEXT NOT NULL,
    "recorded_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "usage_gap_pkey" PRIMARY KEY ("producer_id", "from_record", "to_record"),
    CONSTRAINT "usage_gap_range_check" CHECK ("from_record" >= 0 AND "to_record" > "from_record")
);

-- How much of an access log is in the ledger. Known by the hash of its identity: a log's first line is too long for a key.
CREATE TABLE "replay_source" (
    "source_hash" BYTEA NOT NULL,
    "source" TEXT NOT NULL,
    "options" TEXT NOT NULL,
    "consumed_bytes" BIGINT NOT NULL,
    "consumed_sha256" BYTEA NOT NULL,
    "consumed_lines" BIGINT NOT NULL,
    "first_replayed_at" TIMESTAMPTZ(3) NOT NULL,
    "last_replayed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "replay_source_pkey" PRIMARY KEY ("source_hash"),
    CONSTRAINT "replay_source_source_hash_check" CHECK (octet_length("source_hash") = 32),
    CONSTRAINT "replay_source_consumed_check" CHECK (
        "consumed_bytes" BETWEEN 0 AND 9007199254740991
        AND "consumed_lines" BETWEEN 0 AND 9007199254740991
        AND octet_length("consumed_sha256") = 32
    )
);

-- What this ledger is called, and the key under which it hashes users. Made once, never changed.
CREATE TABLE "ledger" (
    "singleton" SMALLINT NOT NULL DEFAULT 1,
    "id" UUID NOT NULL,
    "hash_key" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "ledger_pkey" PRIMARY KEY ("singleton"),
    CONSTRAINT "ledger_singleton_check" CHECK ("singleton" = 1),
    CONSTRAINT "ledger_hash_key_check" CHECK (octet_length("hash_key") = 32)
);
