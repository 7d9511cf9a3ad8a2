-- Changes of a tenant's storage level, beside the levels that are set, and the keys of what is booked once with an answer to repeat.

-- All changes of one second are one row: how many there are is bounded by time, not by requests. A table of its own, so that the version
-- before this one takes no change for a level.
CREATE TABLE "storage_change" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "at" TIMESTAMPTZ(0) NOT NULL,
    -- Exact, so that it does not matter in which order changes arrive.
    "bytes" DECIMAL(30,0) NOT NULL,

    CONSTRAINT "storage_change_pkey" PRIMARY KEY ("tenant_id", "at")
);

-- Apart from event_dedupe: what came under the key has to be compared, and what was answered is answered again.
CREATE TABLE "booking_key" (
    "tenant_id" TEXT COLLATE "C" NOT NULL,
    "key" BYTEA NOT NULL,
    "content" BYTEA NOT NULL,
    "answer" TEXT NOT NULL,
    "received_on" DATE NOT NULL,

    CONSTRAINT "booking_key_pkey" PRIMARY KEY ("tenant_id", "key"),
    CONSTRAINT "booking_key_key_check" CHECK (octet_length("key") = 16 AND octet_length("content") = 16)
);

CREATE INDEX "booking_key_received_on_idx" ON "booking_key"("received_on");
