-- The columns of a table or view of the app, as its connection finds it. $1 its name, quoted.
-- Returns name and is_number (0 or 1), in their order; no row where there is no such table.
SELECT attribute.attname::text AS name, (type.typcategory = 'N')::integer AS is_number
FROM pg_catalog.pg_attribute AS attribute
JOIN pg_catalog.pg_class AS class ON class.oid = attribute.attrelid
JOIN pg_catalog.pg_type AS type ON type.oid = attribute.atttypid
WHERE attribute.attrelid = to_regclass($1::text)
  AND class.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND attribute.attnum > 0
  AND NOT attribute.attisdropped
ORDER BY attribute.attnum
