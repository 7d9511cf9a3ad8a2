-- Holds the claim of a run for some time from now on. $1 the run, $2 milliseconds. Returns run_number; no row where another has claimed
-- since, or the run has ended.
UPDATE {schema}.storage_collection
SET claimed_until = now() + $2::bigint * interval '1 millisecond'
WHERE singleton = 1 AND run_number = $1::bigint AND claimed_until IS NOT NULL
RETURNING run_number
