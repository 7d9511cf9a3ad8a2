-- The columns of a schema's tables. $1 schema. Returns name: `table.column`.
SELECT class.relname || '.' || attribute.attname AS name
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = class.oid
WHERE namespace.nspname = $1::text AND class.relkind IN ('r', 'p', 'v') AND attribute.attnum > 0 AND NOT attribute.attisdropped
