-- What metering needs to be billed: overage apart, bookings by key, rows put aside, and producers that keep a journal.

ALTER TABLE "quota_charge" ADD COLUMN "overage" BIGINT NOT NULL DEFAULT 0;
ALTER TABLE "quota_charge" ADD CONSTRAINT "quota_charge_overage_check" CHECK ("overage" BETWEEN 0 AND 9007199254740991);

-- A producer with a journal may come back after weeks, and its id must still be known or refused then.
ALTER TABLE "usage_producer" ADD COLUMN "has_journal" BOOLEAN NOT NULL DEFAULT false;

-- Keys of what is booked once. Collected by day, so that day has an index.
CREATE TABLE "event_dedupe" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "key" BYTEA NOT NULL,
    "received_on" DATE NOT NULL,

    CONSTRAINT "event_dedupe_pkey" PRIMARY KEY ("tenant_id", "key"),
    CONSTRAINT "event_dedupe_key_check" CHECK (octet_length("key") = 16)
);

CREATE INDEX "event_dedupe_received_on_idx" ON "event_dedupe"("received_on");

-- Rows that the tables refuse, in the same transaction as the rest of their batch. The content is JSON in ASCII, whatever text the
-- row holds: a NUL in a name is one reason to be here.
CREATE TABLE "quarantine" (
    "id" UUID NOT NULL,
    "producer_id" UUID NOT NULL,
    "from_record" BIGINT NOT NULL,
    "to_record" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "content" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "quarantined_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "quarantine_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "quarantine_kind_check" CHECK ("kind" IN ('call', 'charge', 'user', 'storage', 'commit'))
);
