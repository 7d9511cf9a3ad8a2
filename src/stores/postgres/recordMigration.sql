-- Says that a migration was applied, as Prisma does. $1 id, $2 checksum, $3 name. Returns nothing.
INSERT INTO {schema}._prisma_migrations
  (id, checksum, finished_at, migration_name, logs, rolled_back_at, started_at, applied_steps_count)
VALUES ($1::text, $2::text, clock_timestamp(), $3::text, NULL, NULL, now(), 1)
