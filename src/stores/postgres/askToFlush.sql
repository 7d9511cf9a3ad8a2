-- Asks all producers to bring what they have. Returns asked_at_ms. Of two who ask at once the later one stands.
UPDATE {schema}.ledger
SET flush_asked_at = GREATEST(flush_asked_at, clock_timestamp())
RETURNING ceil(extract(epoch FROM flush_asked_at) * 1000)::bigint AS asked_at_ms
