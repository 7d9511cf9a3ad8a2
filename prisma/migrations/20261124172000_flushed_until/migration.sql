-- Up to when everything that a producer booked is in the ledger, and when somebody last asked all producers to bring what they have.

-- By the database's clock. NULL: a process of the version before, which does not say it; then when it was last seen stands for it, as it
-- did there. A producer that has not brought anything yet is at 1970.
ALTER TABLE "usage_producer" ADD COLUMN "flushed_until" TIMESTAMPTZ(3);

-- Every process looks here whenever it looks for changed settings.
ALTER TABLE "ledger" ADD COLUMN "flush_asked_at" TIMESTAMPTZ(3);
