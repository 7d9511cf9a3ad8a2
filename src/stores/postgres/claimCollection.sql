-- Claims the next run: a compare-and-set of its number. Of two that wait for the row's lock the second finds another number there.
-- Due and free are judged here too, since a run that was under way when the caller read may have ended well meanwhile.
-- $1 the number as it was read, $2 every, $3 how long the claim holds, $4 from now to the next try, in milliseconds.
-- Returns run_number and claimed_at_ms; no row where it is not due, or another has it.
UPDATE {schema}.storage_collection
SET run_number = run_number + 1,
    every_ms = $2::bigint,
    claimed_until = now() + $3::bigint * interval '1 millisecond',
    failures = failures + 1,
    retry_at = now() + $4::bigint * interval '1 millisecond'
WHERE singleton = 1
  AND run_number = $1::bigint
  AND coalesce(claimed_until <= now(), true)
  AND coalesce(retry_at <= now(), true)
  AND coalesce(collected_at + $2::bigint * interval '1 millisecond' <= now(), true)
RETURNING run_number, floor(extract(epoch FROM now()) * 1000)::bigint AS claimed_at_ms
