-- How the collection of storage stands. Returns one row, also before the first run: now_ms and the columns of the row, instants in
-- milliseconds since 1970; what is not there yet is 0 or NULL.
SELECT floor(extract(epoch FROM now()) * 1000)::bigint AS now_ms,
       coalesce(collection.run_number, 0) AS run_number,
       coalesce(collection.finished_run, 0) AS finished_run,
       floor(extract(epoch FROM collection.collected_at) * 1000)::bigint AS collected_at_ms,
       coalesce(collection.tenants, 0) AS tenants,
       coalesce(collection.every_ms, 0) AS every_ms,
       floor(extract(epoch FROM collection.claimed_until) * 1000)::bigint AS claimed_until_ms,
       coalesce(collection.failures, 0) AS failures,
       collection.failure,
       floor(extract(epoch FROM collection.retry_at) * 1000)::bigint AS retry_at_ms
FROM (VALUES (1)) AS always (one)
LEFT JOIN {schema}.storage_collection AS collection ON collection.singleton = 1
