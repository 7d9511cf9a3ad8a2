-- Storage that an app's `collectStorage` reports on a schedule, by one process of the fleet at a time. Only additions.

-- How the collection stands. Its one row is the claim: whoever raises run_number collects, until claimed_until.
CREATE TABLE "storage_collection" (
    "singleton" SMALLINT NOT NULL DEFAULT 1,
    -- Of the last claim.
    "run_number" BIGINT NOT NULL DEFAULT 0,
    -- Of the last run that ended well, and the instant that it reported.
    "finished_run" BIGINT NOT NULL DEFAULT 0,
    "collected_at" TIMESTAMPTZ(3),
    "tenants" BIGINT NOT NULL DEFAULT 0,
    "every_ms" BIGINT NOT NULL DEFAULT 0,
    "claimed_until" TIMESTAMPTZ(3),
    -- Claims since the last run that ended well: one whose process died is among them. None is tried before retry_at.
    "failures" INTEGER NOT NULL DEFAULT 0,
    "retry_at" TIMESTAMPTZ(3),
    "failure" TEXT,

    CONSTRAINT "storage_collection_pkey" PRIMARY KEY ("singleton"),
    CONSTRAINT "storage_collection_singleton_check" CHECK ("singleton" = 1),
    CONSTRAINT "storage_collection_run_check" CHECK (
        "finished_run" BETWEEN 0 AND "run_number" AND "run_number" <= 9007199254740991
        AND "tenants" >= 0 AND "every_ms" >= 0 AND "failures" >= 0
    )
);

-- Tenants that a collection reported, and the last run that did: one that later runs do not know any more has 0 bytes from then on.
CREATE TABLE "collected_storage" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "run_number" BIGINT NOT NULL,

    CONSTRAINT "collected_storage_pkey" PRIMARY KEY ("tenant_id")
);
