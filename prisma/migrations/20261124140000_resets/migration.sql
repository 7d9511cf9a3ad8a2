-- Overrides that end by themselves, and resets of what was used. Only additions: the version before this one runs on these
-- tables too, while a deploy is under way.

ALTER TABLE "tenant"
    -- Beside the overrides and not in them: whoever does not know of ends still reads numbers there. An end holds as long as
    -- the override is the one that it was given to.
    ADD COLUMN "limit_ends" JSONB NOT NULL DEFAULT '{}',
    -- Of the last reset; stays when the setting is replaced or emptied.
    ADD COLUMN "reset_number" BIGINT NOT NULL DEFAULT 0,
    ADD CONSTRAINT "tenant_limit_ends_check" CHECK (jsonb_typeof("limit_ends") = 'object'),
    ADD CONSTRAINT "tenant_reset_number_check" CHECK ("reset_number" BETWEEN 0 AND 9007199254740991);

-- Who let a tenant's quota begin anew, and why. What is charged afterwards is booked under the number.
CREATE TABLE "quota_reset" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "reset_number" BIGINT NOT NULL,
    "reason" TEXT NOT NULL,
    "author" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "quota_reset_pkey" PRIMARY KEY ("tenant_id", "reset_number"),
    CONSTRAINT "quota_reset_reset_number_check" CHECK ("reset_number" BETWEEN 1 AND 9007199254740991)
);
