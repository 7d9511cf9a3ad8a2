-- A run ended well: the next is due one period after its instant. $1 the run, $2 its instant in milliseconds since 1970, $3 tenants.
-- Returns run_number; no row where another has claimed since.
UPDATE {schema}.storage_collection
SET finished_run = run_number,
    collected_at = to_timestamp($2::bigint / 1000.0),
    tenants = $3::bigint,
    claimed_until = NULL,
    failures = 0,
    retry_at = NULL,
    failure = NULL
WHERE singleton = 1 AND run_number = $1::bigint AND finished_run < run_number
RETURNING run_number
