-- What was applied to the schema, by us or by Prisma; rows that were rolled back are history.
-- Returns migration_name, checksum, and finished: 0 where it began and never ended.
SELECT migration_name, checksum, (finished_at IS NOT NULL)::integer AS finished
FROM {schema}._prisma_migrations
WHERE rolled_back_at IS NULL
ORDER BY migration_name
