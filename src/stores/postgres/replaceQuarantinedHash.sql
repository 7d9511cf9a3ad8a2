-- The same in rows that were put aside: one that is retried later must not bring the user back. $1 the hash, $2 its replacement (hex).
-- Returns nothing.
UPDATE {schema}.quarantine
SET content = replace(content, $1::text, $2::text)
WHERE kind = 'user' AND strpos(content, $1::text) > 0
