-- The next version of the settings. Its row stays locked until the transaction ends, so versions become visible in their
-- order: whoever has read one can never miss a lower one that commits later. Returns version and now_ms, read after the lock.
INSERT INTO {schema}.config_version AS present (singleton, version)
VALUES (1, 1)
ON CONFLICT (singleton) DO UPDATE SET version = present.version + 1
RETURNING version, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms
