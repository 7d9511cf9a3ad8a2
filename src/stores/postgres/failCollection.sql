-- A run failed, or was broken off: its claim is free. One that was finished (perhaps with an answer that was lost) stays so.
-- $1 the run, $2 why, NULL where its process ends: then it does not count, and may be taken at once. $3 milliseconds to the next try.
-- Returns nothing.
UPDATE {schema}.storage_collection
SET claimed_until = NULL,
    failures = CASE WHEN $2::text IS NULL THEN GREATEST(failures - 1, 0) ELSE failures END,
    failure = coalesce($2::text, failure),
    retry_at = CASE WHEN $2::text IS NULL THEN NULL ELSE now() + $3::bigint * interval '1 millisecond' END
WHERE singleton = 1 AND run_number = $1::bigint AND finished_run < run_number
