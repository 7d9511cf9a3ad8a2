// Made by `npm run generate` from the files beside it: change those, never this one.

/** The text of `addAdjustment.sql`. */
export const addAdjustment = `-- Books a correction under its key, once. $1 tenant, $2 key (hex), $3 date, $4 meter, $5 delta, $6 reason, $7 author.
-- Returns adjusted_at_ms; no row where the key was there before.
INSERT INTO {schema}.usage_adjustment (tenant_id, key, usage_date, meter, delta, reason, author, adjusted_at)
VALUES ($1::text, decode($2::text, 'hex'), $3::date, $4::text, $5::bigint, $6::text, $7::text, now())
ON CONFLICT (tenant_id, key) DO NOTHING
RETURNING floor(extract(epoch FROM adjusted_at) * 1000)::bigint AS adjusted_at_ms
`;

/** The text of `addCharges.sql`. */
export const addCharges = `-- Adds what the quota admitted, denied, could not confirm, and let pass above soft limits. Units never decrease.
-- $1 tenants, $2 dates, $3 meters, $4 reset numbers, $5 units, $6 denied, $7 unconfirmed, $8 overage.
-- Returns nothing.
INSERT INTO {schema}.quota_charge AS present (tenant_id, usage_date, meter, reset_number, units, denied, unconfirmed, overage)
SELECT given.*
FROM unnest($1::text[], $2::date[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
  AS given (tenant_id, usage_date, meter, reset_number, units, denied, unconfirmed, overage)
ORDER BY given.tenant_id COLLATE "C", given.usage_date, given.meter COLLATE "C", given.reset_number
ON CONFLICT (tenant_id, usage_date, meter, reset_number) DO UPDATE
SET units = LEAST(present.units + excluded.units, 9007199254740991),
    denied = LEAST(present.denied + excluded.denied, 9007199254740991),
    unconfirmed = LEAST(present.unconfirmed + excluded.unconfirmed, 9007199254740991),
    overage = LEAST(present.overage + excluded.overage, 9007199254740991)
`;

/** The text of `addClosedPeriod.sql`. */
export const addClosedPeriod = `-- Keeps a month as it is now; one that was closed before stays as it was then. $1 tenant, $2 first day of the month, $3 author,
-- $4 API calls, $5 active users, $6 storage bytes, $7 the report as JSON. Returns nothing.
INSERT INTO {schema}.closed_period (tenant_id, month, closed_at, author, api_calls, active_users, storage_bytes, report)
VALUES ($1::text, $2::date, now(), $3::text, $4::bigint, $5::bigint, $6::bigint, $7::jsonb)
ON CONFLICT (tenant_id, month) DO NOTHING
`;

/** The text of `addMeterPoints.sql`. */
export const addMeterPoints = `-- Keeps reported levels of meters. The same point again changes nothing.
-- $1 tenants, $2 meters, $3 seconds since 1970, $4 ids, $5 levels. Returns nothing.
INSERT INTO {schema}.meter_point (tenant_id, meter, at, id, level)
SELECT given.tenant_id, given.meter, to_timestamp(given.at_seconds), given.id, given.level
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::uuid[], $5::bigint[]) AS given (tenant_id, meter, at_seconds, id, level)
ON CONFLICT (tenant_id, meter, at, id) DO NOTHING
`;

/** The text of `addMeters.sql`. */
export const addMeters = `-- Adds amounts to meters of tenants' days, and makes the rows of days whose levels are written next (writeMeterLevels.sql).
-- $1 tenants, $2 dates, $3 meters, $4 amounts (0 for a day of a level). Returns nothing.
INSERT INTO {schema}.meter_usage AS present (tenant_id, usage_date, meter, amount)
SELECT given.*
FROM unnest($1::text[], $2::date[], $3::text[], $4::bigint[]) AS given (tenant_id, usage_date, meter, amount)
ORDER BY given.tenant_id COLLATE "C", given.usage_date, given.meter COLLATE "C"
ON CONFLICT (tenant_id, usage_date, meter) DO UPDATE
SET amount = LEAST(present.amount + excluded.amount, 9007199254740991)
`;

/** The text of `addStorageChanges.sql`. */
export const addStorageChanges = `-- Adds changes of levels to what changed in their seconds. $1 tenants, $2 seconds since 1970, $3 bytes, signed. Returns nothing.
INSERT INTO {schema}.storage_change AS present (tenant_id, at, bytes)
SELECT given.tenant_id, to_timestamp(given.at_seconds), sum(given.bytes)
FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS given (tenant_id, at_seconds, bytes)
GROUP BY given.tenant_id, given.at_seconds
ORDER BY given.tenant_id COLLATE "C", given.at_seconds
ON CONFLICT (tenant_id, at) DO UPDATE SET bytes = present.bytes + excluded.bytes
`;

/** The text of `addStoragePoints.sql`. */
export const addStoragePoints = `-- Keeps reported levels. The same point again changes nothing.
-- $1 tenants, $2 seconds since 1970, $3 ids, $4 bytes. Returns nothing.
INSERT INTO {schema}.storage_point (tenant_id, at, id, bytes)
SELECT given.tenant_id, to_timestamp(given.at_seconds), given.id, given.bytes
FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::bigint[]) AS given (tenant_id, at_seconds, id, bytes)
ON CONFLICT (tenant_id, at, id) DO NOTHING
`;

/** The text of `addUsage.sql`. */
export const addUsage = `-- Adds calls to tenants' days, and makes every day that the batch touches in any way: its row's lock is what orders the
-- writers, so all of them are taken here, by one statement, in one order.
-- $1 tenants, $2 dates, $3 calls (0 for a day that only gains users or storage). Returns nothing.
INSERT INTO {schema}.tenant_usage AS present (tenant_id, usage_date, api_calls)
SELECT given.tenant_id, given.usage_date, given.api_calls
FROM unnest($1::text[], $2::date[], $3::bigint[]) AS given (tenant_id, usage_date, api_calls)
ORDER BY given.tenant_id COLLATE "C", given.usage_date
ON CONFLICT (tenant_id, usage_date) DO UPDATE
SET api_calls = LEAST(present.api_calls + excluded.api_calls, 9007199254740991)
`;

/** The text of `advanceProducer.sql`. */
export const advanceProducer = `-- The compare-and-set that makes a range of records count once: whoever moves last_record from $2 to $3 applies it.
-- $1 producer, $2 where it must stand, $3 where the batch ends, $4 how many milliseconds ago everything in it and before it was all that
-- the producer had booked, NULL where nobody says so. Returns a row only to the one who moved it.
UPDATE {schema}.usage_producer
SET last_record = $3::bigint, last_seen_at = now(),
    flushed_until = CASE WHEN $4::bigint IS NULL THEN flushed_until ELSE now() - $4::bigint * INTERVAL '1 millisecond' END
WHERE id = $1::uuid AND last_record = $2::bigint
RETURNING last_record
`;

/** The text of `advanceReplaySource.sql`. */
export const advanceReplaySource = `-- A further step of a log, by compare-and-set. $1 hash of its identity (hex), $2 options, $3 to $5 bytes, SHA-256 (hex) and
-- lines afterwards, $6 to $8 the same before. Returns a row only to the one who moved it.
UPDATE {schema}.replay_source
SET consumed_bytes = $3::bigint, consumed_sha256 = decode($4::text, 'hex'), consumed_lines = $5::bigint, last_replayed_at = now()
WHERE source_hash = decode($1::text, 'hex')
  AND options = $2::text
  AND consumed_bytes = $6::bigint
  AND consumed_sha256 = decode($7::text, 'hex')
  AND consumed_lines = $8::bigint
RETURNING consumed_bytes
`;

/** The text of `askToFlush.sql`. */
export const askToFlush = `-- Asks all producers to bring what they have. Returns asked_at_ms. Of two who ask at once the later one stands.
UPDATE {schema}.ledger
SET flush_asked_at = GREATEST(flush_asked_at, clock_timestamp())
RETURNING ceil(extract(epoch FROM flush_asked_at) * 1000)::bigint AS asked_at_ms
`;

/** The text of `beginReplaySource.sql`. */
export const beginReplaySource = `-- The first step of a log: only one can make its row. $1 hash of its identity (hex), $2 the identity's beginning, $3 options,
-- $4 bytes, $5 SHA-256 (hex), $6 lines. Returns a row only to the one who made it.
INSERT INTO {schema}.replay_source
  (source_hash, source, options, consumed_bytes, consumed_sha256, consumed_lines, first_replayed_at, last_replayed_at)
VALUES (decode($1::text, 'hex'), $2::text, $3::text, $4::bigint, decode($5::text, 'hex'), $6::bigint, now(), now())
ON CONFLICT (source_hash) DO NOTHING
RETURNING consumed_bytes
`;

/** The text of `bumpConfigVersion.sql`. */
export const bumpConfigVersion = `-- The next version of the settings. Its row stays locked until the transaction ends, so versions become visible in their
-- order: whoever has read one can never miss a lower one that commits later. Returns version and now_ms, read after the lock.
INSERT INTO {schema}.config_version AS present (singleton, version)
VALUES (1, 1)
ON CONFLICT (singleton) DO UPDATE SET version = present.version + 1
RETURNING version, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms
`;

/** The text of `claimCollection.sql`. */
export const claimCollection = `-- Claims the next run: a compare-and-set of its number. Of two that wait for the row's lock the second finds another number there.
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
`;

/** The text of `collectBookingKeys.sql`. */
export const collectBookingKeys = `-- Forgets keys that no repeat can come with any more, some at a time. $1 days that they are kept. Returns nothing.
DELETE FROM {schema}.booking_key
WHERE (tenant_id, key) IN (
  SELECT tenant_id, key
  FROM {schema}.booking_key
  WHERE received_on < (now() AT TIME ZONE 'UTC')::date - $1::integer
  ORDER BY received_on
  LIMIT 10000
  FOR UPDATE SKIP LOCKED
)
`;

/** The text of `collectKeys.sql`. */
export const collectKeys = `-- Forgets keys that no repeat can come with any more, some at a time. $1 days that they are kept. Returns nothing.
DELETE FROM {schema}.event_dedupe
WHERE (tenant_id, key) IN (
  SELECT tenant_id, key
  FROM {schema}.event_dedupe
  WHERE received_on < (now() AT TIME ZONE 'UTC')::date - $1::integer
  ORDER BY received_on
  LIMIT 10000
  FOR UPDATE SKIP LOCKED
)
`;

/** The text of `collectProducers.sql`. */
export const collectProducers = `-- Forgets producers whose id and whose last activity are both older than the minimum age: an id that old is refused when it
-- comes back, so nothing reopens. The id's first 48 bits are the instant it was made at. $1 minimum age in milliseconds,
-- $2 that of producers with a journal. Returns nothing.
DELETE FROM {schema}.usage_producer
WHERE id IN (
  SELECT id
  FROM {schema}.usage_producer
  CROSS JOIN LATERAL (SELECT CASE WHEN has_journal THEN $2::bigint ELSE $1::bigint END AS minimum) AS age
  WHERE id < rpad(lpad(to_hex(floor(extract(epoch FROM now()) * 1000)::bigint - age.minimum), 12, '0'), 32, '0')::uuid
    AND last_seen_at < now() - age.minimum * INTERVAL '1 millisecond'
  FOR UPDATE OF usage_producer SKIP LOCKED
)
`;

/** The text of `createMigrations.sql`. */
export const createMigrations = `-- Prisma's own table of what was applied, to the letter. Returns nothing.
CREATE TABLE {schema}._prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)
`;

/** The text of `dropOldMeterPoints.sql`. */
export const dropOldMeterPoints = `-- Forgets levels of meters of tenants that no late report can concern any more. $1 tenants, $2 meters, $3 seconds since 1970.
-- Returns nothing.
DELETE FROM {schema}.meter_point AS point
USING unnest($1::text[], $2::text[]) AS given (tenant_id, meter)
WHERE point.tenant_id = given.tenant_id AND point.meter = given.meter AND point.at < to_timestamp($3::bigint)
`;

/** The text of `dropOldStoragePoints.sql`. */
export const dropOldStoragePoints = `-- Forgets levels and changes of tenants that no late report can concern any more. $1 tenants, $2 seconds since 1970. Returns nothing.
WITH changes AS (
  DELETE FROM {schema}.storage_change
  WHERE tenant_id = ANY ($1::text[]) AND at < to_timestamp($2::bigint)
)
DELETE FROM {schema}.storage_point
WHERE tenant_id = ANY ($1::text[]) AND at < to_timestamp($2::bigint)
`;

/** The text of `failCollection.sql`. */
export const failCollection = `-- A run failed, or was broken off: its claim is free. One that was finished (perhaps with an answer that was lost) stays so.
-- $1 the run, $2 why, NULL where its process ends: then it does not count, and may be taken at once. $3 milliseconds to the next try.
-- Returns nothing.
UPDATE {schema}.storage_collection
SET claimed_until = NULL,
    failures = CASE WHEN $2::text IS NULL THEN GREATEST(failures - 1, 0) ELSE failures END,
    failure = coalesce($2::text, failure),
    retry_at = CASE WHEN $2::text IS NULL THEN NULL ELSE now() + $3::bigint * interval '1 millisecond' END
WHERE singleton = 1 AND run_number = $1::bigint AND finished_run < run_number
`;

/** The text of `finishCollection.sql`. */
export const finishCollection = `-- A run ended well: the next is due one period after its instant. $1 the run, $2 its instant in milliseconds since 1970, $3 tenants.
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
`;

/** The text of `forgetCollected.sql`. */
export const forgetCollected = `-- Remembers tenants no more that a run did not find, while it is the one that was claimed last. $1 the run, $2 tenants.
-- Returns tenant_id of each.
DELETE FROM {schema}.collected_storage
WHERE tenant_id = ANY ($2::text[])
  AND run_number < $1::bigint
  AND EXISTS (SELECT FROM {schema}.storage_collection WHERE singleton = 1 AND run_number = $1::bigint)
RETURNING tenant_id
`;

/** The text of `lockTenantStorage.sql`. */
export const lockTenantStorage = `-- Locks the storage rows of tenants, in one order, before their points are read. $1 tenants, each once. Returns nothing.
INSERT INTO {schema}.tenant_storage (tenant_id, integrated_at)
SELECT given.tenant_id, now()
FROM unnest($1::text[]) AS given (tenant_id)
ORDER BY given.tenant_id COLLATE "C"
ON CONFLICT (tenant_id) DO UPDATE SET integrated_at = excluded.integrated_at
`;

/** The text of `lockUsageDays.sql`. */
export const lockUsageDays = `-- Locks days of one tenant, in the order of all writers: who holds a day's row owns that day's bit of every user.
-- $1 tenant, $2 first days of months, $3 masks of days. Returns nothing that matters.
SELECT usage_date::text AS usage_date
FROM {schema}.tenant_usage
WHERE tenant_id = $1::text
  AND usage_date IN (
    SELECT asked.month + (day - 1)
    FROM unnest($2::date[], $3::integer[]) AS asked (month, day_mask)
    CROSS JOIN generate_series(1, 31) AS day
    WHERE asked.day_mask & (1 << (day - 1)) <> 0
  )
ORDER BY tenant_usage.usage_date
FOR UPDATE
`;

/** The text of `lockUserMonths.sql`. */
export const lockUserMonths = `-- The same as readUserMonths.sql, and locks the rows. $1 tenant, $2 the user's hash (hex). Returns month, day_mask.
SELECT to_char(month, 'YYYY-MM-DD') AS month, day_mask
FROM {schema}.tenant_active_user
WHERE tenant_id = $1::text AND user_hash = decode($2, 'hex')
ORDER BY tenant_active_user.month
FOR UPDATE
`;

/** The text of `makeCollection.sql`. */
export const makeCollection = `-- Makes the row of the collection of storage where there is none. Returns nothing.
INSERT INTO {schema}.storage_collection (singleton) VALUES (1) ON CONFLICT (singleton) DO NOTHING
`;

/** The text of `makeLedger.sql`. */
export const makeLedger = `-- Makes the ledger's identity where it has none: of several who try, one wins. $1 id, $2 key (hex). Returns nothing.
INSERT INTO {schema}.ledger (singleton, id, hash_key, created_at)
VALUES (1, $1::uuid, decode($2::text, 'hex'), now())
ON CONFLICT (singleton) DO NOTHING
`;

/** The text of `mergeActiveUsers.sql`. */
export const mergeActiveUsers = `-- Merges users' active days into their masks, and lets each day's active_users grow by the bits that were new.
-- Must come after addUsage.sql, as a statement of its own: whoever holds a day's row owns that day's bit of every user of
-- the tenant, and only a statement that begins after the lock was granted sees the bits of the holder before. Users whose
-- bits are all known, the usual case, are read and neither locked nor written.
-- $1 tenants, $2 first days of months, $3 hashes (hex), $4 masks. Returns nothing.
WITH given AS MATERIALIZED (
  SELECT tenant_id, month, decode(user_hash, 'hex') AS user_hash, day_mask
  FROM unnest($1::text[], $2::date[], $3::text[], $4::integer[]) AS given (tenant_id, month, user_hash, day_mask)
), compared AS MATERIALIZED (
  -- A scalar subquery and no join: always one look at the primary key a user, whatever the planner believes of the table.
  SELECT given.*, given.day_mask & ~coalesce((
    SELECT known.day_mask FROM {schema}.tenant_active_user AS known
    WHERE known.tenant_id = given.tenant_id AND known.month = given.month AND known.user_hash = given.user_hash
  ), 0) AS new_days
  FROM given
), merged AS (
  INSERT INTO {schema}.tenant_active_user AS present (tenant_id, month, user_hash, day_mask)
  SELECT tenant_id, month, user_hash, day_mask
  FROM compared
  WHERE new_days <> 0
  ORDER BY tenant_id COLLATE "C", month, user_hash
  ON CONFLICT (tenant_id, month, user_hash) DO UPDATE SET day_mask = present.day_mask | excluded.day_mask
), asked AS MATERIALIZED (
  SELECT day FROM generate_series(1, 31) AS day
  WHERE (SELECT bit_or(day_mask) FROM given) & (1 << (day - 1)) <> 0
)
-- An upsert and no UPDATE ... FROM: every row is there already, and the planner, which cannot know how many days of a batch
-- are new, would read the whole of the largest table to join with them. This way it is one look at the primary key a day.
INSERT INTO {schema}.tenant_usage AS present (tenant_id, usage_date, active_users)
SELECT tenant_id, month + (day - 1), count(*)
FROM compared CROSS JOIN asked
WHERE new_days & (1 << (day - 1)) <> 0
GROUP BY 1, 2
ON CONFLICT (tenant_id, usage_date) DO UPDATE
SET active_users = LEAST(present.active_users + excluded.active_users, 9007199254740991)
`;

/** The text of `newProducerId.sql`. */
export const newProducerId = `-- A fresh UUIDv7 (RFC 9562) by the database's clock: a random UUID with the time in its first 48 bits and 7 as its version.
SELECT overlay(
  overlay(gen_random_uuid()::text PLACING '7' FROM 15)
  PLACING substr(clock.hex, 1, 8) || '-' || substr(clock.hex, 9, 4) FROM 1
)::uuid::text AS id
FROM (SELECT lpad(to_hex(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') AS hex) AS clock
`;

/** The text of `noteCollected.sql`. */
export const noteCollected = `-- Remembers that a run found these tenants, while it is the one that was claimed last. In the order of their ids, so that a process that
-- has lost its claim and does not know it yet cannot wait for its follower in a circle.
-- $1 the run, $2 tenants, each once. Returns one row: held (0 where another has claimed since, and nothing is remembered), and repeated,
-- the tenants that this run had noted before, as JSON text.
WITH claim AS (
  SELECT run_number FROM {schema}.storage_collection WHERE singleton = 1 AND run_number = $1::bigint
), before AS (
  SELECT tenant_id, run_number FROM {schema}.collected_storage WHERE tenant_id = ANY ($2::text[])
), noted AS (
  INSERT INTO {schema}.collected_storage AS present (tenant_id, run_number)
  SELECT given.tenant_id, claim.run_number
  FROM unnest($2::text[]) AS given (tenant_id) CROSS JOIN claim
  ORDER BY given.tenant_id COLLATE "C"
  ON CONFLICT (tenant_id) DO UPDATE SET run_number = excluded.run_number WHERE present.run_number < excluded.run_number
)
SELECT (EXISTS (SELECT FROM claim))::integer AS held,
       (SELECT coalesce(json_agg(tenant_id), '[]') FROM before WHERE run_number = $1::bigint)::text AS repeated
`;

/** The text of `openProducers.sql`. */
export const openProducers = `-- Producers that have not closed, those seen lately first. $1 milliseconds that count as lately, $2 how many at most.
SELECT id::text AS id, host, pid, last_record, has_journal::integer AS has_journal,
       floor(extract(epoch FROM last_seen_at) * 1000)::bigint AS last_seen_at_ms,
       floor(extract(epoch FROM flushed_until) * 1000)::bigint AS flushed_until_ms,
       (last_seen_at > now() - $1::bigint * INTERVAL '1 millisecond')::integer AS is_live
FROM {schema}.usage_producer
WHERE closed_at IS NULL
ORDER BY last_seen_at DESC, id
LIMIT $2::integer
`;

/** The text of `otherLiveProducers.sql`. */
export const otherLiveProducers = `-- Producers that are not closed and were seen lately, but for one. $1 that one, $2 milliseconds that count as lately.
SELECT id::text AS id, host, pid
FROM {schema}.usage_producer
WHERE closed_at IS NULL AND last_seen_at > now() - $2::bigint * INTERVAL '1 millisecond' AND id <> $1::uuid
ORDER BY id
`;

/** The text of `quarantineRow.sql`. */
export const quarantineRow = `-- Puts one row aside. $1 id, $2 producer, $3 and $4 the records of its batch, $5 kind, $6 content, $7 reason. Returns nothing.
INSERT INTO {schema}.quarantine (id, producer_id, from_record, to_record, kind, content, reason, quarantined_at)
VALUES ($1::uuid, $2::uuid, $3::bigint, $4::bigint, $5::text, $6::text, $7::text, now())
`;

/** The text of `readAdjustment.sql`. */
export const readAdjustment = `-- The correction that was booked under a key. $1 tenant, $2 key (hex). Returns it, or no row.
SELECT to_char(usage_date, 'YYYY-MM-DD') AS usage_date,
       meter,
       delta,
       reason,
       author,
       floor(extract(epoch FROM adjusted_at) * 1000)::bigint AS adjusted_at_ms
FROM {schema}.usage_adjustment
WHERE tenant_id = $1::text AND key = decode($2::text, 'hex')
`;

/** The text of `readAdjustments.sql`. */
export const readAdjustments = `-- The corrections of a range of days, the oldest booking first. $1 tenant, $2 first date, $3 last date, $4 most.
SELECT to_char(usage_date, 'YYYY-MM-DD') AS usage_date,
       meter,
       delta,
       reason,
       author,
       floor(extract(epoch FROM adjusted_at) * 1000)::bigint AS adjusted_at_ms
FROM {schema}.usage_adjustment
WHERE tenant_id = $1::text AND usage_date BETWEEN $2::date AND $3::date
ORDER BY adjusted_at, key
LIMIT $4::integer
`;

/** The text of `readBookingKey.sql`. */
export const readBookingKey = `-- What was booked under a key. $1 tenant, $2 key (hex). Returns content (hex) and answer, or no row.
SELECT encode(content, 'hex') AS content, answer
FROM {schema}.booking_key
WHERE tenant_id = $1::text AND key = decode($2::text, 'hex')
`;

/** The text of `readCalendars.sql`. */
export const readCalendars = `-- Calendars of tenants that have a setting, and the database's clock. $1 tenants.
-- Returns a row a tenant: now_ms, and time_zone, billing_anchor_day, earlier_calendars (JSON), all NULL without a setting.
SELECT given.tenant_id,
       floor(extract(epoch FROM now()) * 1000)::bigint AS now_ms,
       tenant.time_zone,
       tenant.billing_anchor_day,
       tenant.earlier_calendars::text AS earlier_calendars
FROM unnest($1::text[]) AS given (tenant_id)
LEFT JOIN {schema}.tenant ON tenant.tenant_id = given.tenant_id
`;

/** The text of `readClosedDays.sql`. */
export const readClosedDays = `-- Days of closed months that have less now than when their month was closed, corrections apart. $1 tenants, $2 the first month as a date in
-- it. Returns tenant_id, date, figure, recorded, counted.
SELECT closed.tenant_id, day.text ->> 'date' AS date, figure.name AS figure, figure.present AS recorded, figure.closed AS counted
FROM {schema}.closed_period AS closed
CROSS JOIN LATERAL jsonb_array_elements(closed.report -> 'daily') AS day (text)
LEFT JOIN {schema}.tenant_usage AS usage
  ON usage.tenant_id = closed.tenant_id AND usage.usage_date = (day.text ->> 'date')::date
CROSS JOIN LATERAL (VALUES
  (
    'closed_api_calls',
    coalesce(day.text #>> '{adjustments,apiCalls,recorded}', day.text ->> 'apiCalls')::bigint,
    coalesce(usage.api_calls, 0)
  ),
  ('closed_active_users', (day.text ->> 'activeUsers')::bigint, coalesce(usage.active_users, 0))
) AS figure (name, closed, present)
WHERE closed.tenant_id = ANY ($1::text[]) AND closed.month >= date_trunc('month', $2::date)::date AND figure.present < figure.closed
ORDER BY closed.tenant_id, date, figure.name
`;

/** The text of `readClosedPeriod.sql`. */
export const readClosedPeriod = `-- A closed month. $1 tenant, $2 first day of the month. Returns closed_at_ms, author, report (JSON text), or no row.
SELECT floor(extract(epoch FROM closed_at) * 1000)::bigint AS closed_at_ms, author, report::text AS report
FROM {schema}.closed_period
WHERE tenant_id = $1::text AND month = $2::date
`;

/** The text of `readCollection.sql`. */
export const readCollection = `-- How the collection of storage stands. Returns one row, also before the first run: now_ms and the columns of the row, instants in
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
`;

/** The text of `readColumns.sql`. */
export const readColumns = `-- The columns of a schema's tables. $1 schema. Returns name: \`table.column\`.
SELECT class.relname || '.' || attribute.attname AS name
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = class.oid
WHERE namespace.nspname = $1::text AND class.relkind IN ('r', 'p', 'v') AND attribute.attnum > 0 AND NOT attribute.attisdropped
`;

/** The text of `readConfigVersion.sql`. */
export const readConfigVersion = `-- What every process looks at twice a second: version, that of the last change of a setting, 0 before the first; and flush_asked_at_ms, when
-- all producers were last asked to bring what they have, NULL where nobody ever asked.
SELECT coalesce(max(version), 0) AS version,
       (SELECT floor(extract(epoch FROM max(flush_asked_at)) * 1000)::bigint FROM {schema}.ledger) AS flush_asked_at_ms
FROM {schema}.config_version
`;

/** The text of `readGaps.sql`. */
export const readGaps = `-- Records that are known to be missing, the latest first. $1 how many at most. Returns them, each with the total of all.
SELECT count(*) OVER () AS total, producer_id::text AS producer_id, from_record, to_record, reason,
       floor(extract(epoch FROM recorded_at) * 1000)::bigint AS recorded_at_ms
FROM {schema}.usage_gap
ORDER BY usage_gap.recorded_at DESC, producer_id, from_record
LIMIT $1::integer
`;

/** The text of `readLedger.sql`. */
export const readLedger = `-- The ledger's identity; no row before it was made.
SELECT id::text AS id, encode(hash_key, 'hex') AS hash_key FROM {schema}.ledger WHERE singleton = 1
`;

/** The text of `readMeterDays.sql`. */
export const readMeterDays = `-- Days of tenants on which a meter has less than the quota admitted of it. $1 tenants, $2 first and $3 last date.
-- Returns tenant_id, date, meter, recorded, counted.
SELECT charged.tenant_id, to_char(charged.usage_date, 'YYYY-MM-DD') AS date, charged.meter,
       coalesce(usage.amount, 0) AS recorded, charged.units AS counted
FROM (
  SELECT tenant_id, usage_date, meter, LEAST(sum(units), 9007199254740991)::bigint AS units
  FROM {schema}.quota_charge
  WHERE tenant_id = ANY ($1::text[]) AND usage_date BETWEEN $2::date AND $3::date AND meter <> ''
  GROUP BY tenant_id, usage_date, meter
) AS charged
LEFT JOIN {schema}.meter_usage AS usage
  ON usage.tenant_id = charged.tenant_id AND usage.usage_date = charged.usage_date AND usage.meter = charged.meter
WHERE coalesce(usage.amount, 0) < charged.units
ORDER BY charged.tenant_id, charged.usage_date, charged.meter
`;

/** The text of `readMeterLevels.sql`. */
export const readMeterLevels = `-- The levels that meters of tenants had just before a day, as readStorageLevels.sql has them. Levels are only set, so that one older
-- than the 35 days for which it holds says nothing; two more for the lengths of days.
-- $1 tenants, $2 meters, $3 the days' dates, one a meter. Returns tenant_id, meter, at_seconds, bytes; no row for one without a level.
SELECT given.tenant_id, given.meter, extract(epoch FROM level.at)::bigint AS at_seconds, level.bytes
FROM unnest($1::text[], $2::text[], $3::date[]) AS given (tenant_id, meter, usage_date)
CROSS JOIN LATERAL (
  SELECT usage.level_last_at AS at, usage.level_last AS bytes
  FROM {schema}.meter_usage AS usage
  WHERE usage.tenant_id = given.tenant_id AND usage.meter = given.meter AND usage.level_last_at IS NOT NULL
    AND usage.usage_date < given.usage_date AND usage.usage_date >= given.usage_date - 37
  ORDER BY usage.usage_date DESC
  LIMIT 1
) AS level
`;

/** The text of `readMeterPoints.sql`. */
export const readMeterPoints = `-- Levels of meters of tenants from an instant on, oldest first, as readStoragePoints.sql has them.
-- $1 tenants, $2 meters, $3 seconds since 1970, one a meter. Returns tenant_id, meter, at_seconds, kind (set), bytes, id.
SELECT point.tenant_id, point.meter, extract(epoch FROM point.at)::bigint AS at_seconds, 'set' AS kind, point.level AS bytes,
       point.id::text AS id
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS given (tenant_id, meter, at_seconds)
JOIN {schema}.meter_point AS point
  ON point.tenant_id = given.tenant_id AND point.meter = given.meter AND point.at >= to_timestamp(given.at_seconds)
ORDER BY point.tenant_id COLLATE "C", point.meter COLLATE "C", point.at, point.id
`;

/** The text of `readMigrations.sql`. */
export const readMigrations = `-- What was applied to the schema, by us or by Prisma; rows that were rolled back are history.
-- Returns migration_name, checksum, and finished: 0 where it began and never ended.
SELECT migration_name, checksum, (finished_at IS NOT NULL)::integer AS finished
FROM {schema}._prisma_migrations
WHERE rolled_back_at IS NULL
ORDER BY migration_name
`;

/** The text of `readMissing.sql`. */
export const readMissing = `-- What the ledger knows of what one tenant's usage of some days may lack, in one snapshot.
-- A producer of an earlier version does not say up to when it has flushed: there it is when it was last seen.
-- $1 what only rows of the tenant hold in the quarantine, $2 first date, $3 milliseconds within which a producer counts as live,
-- $4 how many gaps at most. Returns one row: quarantined, flushed_by_all_ms (NULL where no producer lives), and gaps as JSON text, the
-- latest first: of the days from the one before the first date on, in any zone. Kept are those of the producers that are oldest by their
-- ids: a gap of a producer that was made after the days that are asked for is none of theirs, and must not take the place of one that is.
SELECT
  (SELECT count(*) FROM {schema}.quarantine WHERE strpos(content, $1::text) > 0) AS quarantined,
  (
    SELECT floor(extract(epoch FROM min(coalesce(flushed_until, last_seen_at))) * 1000)::bigint
    FROM {schema}.usage_producer
    WHERE closed_at IS NULL AND last_seen_at > now() - $3::bigint * INTERVAL '1 millisecond'
  ) AS flushed_by_all_ms,
  (
    SELECT coalesce(json_agg(gap ORDER BY gap.recorded_at_ms DESC), '[]')
    FROM (
      SELECT producer_id::text AS producer_id, from_record, to_record, reason,
             floor(extract(epoch FROM recorded_at) * 1000)::bigint AS recorded_at_ms
      FROM {schema}.usage_gap
      WHERE recorded_at >= ($2::date - 1)::timestamp AT TIME ZONE 'UTC'
      ORDER BY usage_gap.producer_id
      LIMIT $4::integer
    ) AS gap
  )::text AS gaps
`;

/** The text of `readProducer.sql`. */
export const readProducer = `-- Where a producer stands. $1 producer.
SELECT last_record FROM {schema}.usage_producer WHERE id = $1::uuid
`;

/** The text of `readQuarantine.sql`. */
export const readQuarantine = `-- Rows that were put aside, the oldest first. $1 how many at most. Returns them, each with the total of all.
SELECT count(*) OVER () AS total, id::text AS id, producer_id::text AS producer_id, from_record, to_record, kind, content, reason,
       floor(extract(epoch FROM quarantined_at) * 1000)::bigint AS quarantined_at_ms
FROM {schema}.quarantine
ORDER BY quarantined_at, id
LIMIT $1::integer
`;

/** The text of `readRecorded.sql`. */
export const readRecorded = `-- What windows of tenants were charged, and how far producers have come, in one snapshot: what lies beyond is not in the sums.
-- $1 tenants, $2 meters, $3 reset numbers, $4 first dates, $5 last dates, $6 producers. Returns one row of JSON text: sums (in order:
-- units, unconfirmed) and producers (id, last_record).
SELECT
  (
    SELECT coalesce(json_agg(json_build_object(
      'units', charged.units, 'unconfirmed', charged.unconfirmed
    ) ORDER BY asked.position), '[]')
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::date[], $5::date[]) WITH ORDINALITY
      AS asked (tenant_id, meter, reset_number, first_date, last_date, position)
    CROSS JOIN LATERAL (
      SELECT LEAST(coalesce(sum(charge.units), 0), 9007199254740991)::bigint AS units,
             LEAST(coalesce(sum(charge.unconfirmed), 0), 9007199254740991)::bigint AS unconfirmed
      FROM {schema}.quota_charge AS charge
      WHERE charge.tenant_id = asked.tenant_id
        AND charge.usage_date BETWEEN asked.first_date AND asked.last_date
        AND charge.meter = asked.meter
        AND charge.reset_number = asked.reset_number
    ) AS charged
  )::text AS sums,
  (
    SELECT coalesce(json_agg(json_build_object('id', id::text, 'last_record', last_record)), '[]')
    FROM {schema}.usage_producer
    WHERE id = ANY ($6::uuid[])
  )::text AS producers
`;

/** The text of `readReplaySource.sql`. */
export const readReplaySource = `-- How much of a log was consumed. $1 hash of its identity (hex). No row where it was never replayed.
SELECT options, consumed_bytes, encode(consumed_sha256, 'hex') AS consumed_sha256, consumed_lines
FROM {schema}.replay_source
WHERE source_hash = decode($1::text, 'hex')
`;

/** The text of `readSetting.sql`. */
export const readSetting = `-- One tenant's row. $1 tenant. The row of config_version is locked, so nobody else can be changing it.
SELECT tenant_id,
       plan,
       limits::text AS limits,
       limit_ends::text AS limit_ends,
       time_zone,
       billing_anchor_day,
       earlier_calendars::text AS earlier_calendars,
       reset_number,
       version
FROM {schema}.tenant
WHERE tenant_id = $1::text
`;

/** The text of `readSettings.sql`. */
export const readSettings = `-- Settings that changed after a version, with the version of the last change: one statement, so both are of one snapshot.
-- $1 version (0: all). Returns at least one row; tenant_id is NULL in it where nothing changed.
SELECT config.version AS config_version,
       tenant.tenant_id,
       tenant.plan,
       tenant.limits::text AS limits,
       tenant.limit_ends::text AS limit_ends,
       tenant.time_zone,
       tenant.billing_anchor_day,
       tenant.earlier_calendars::text AS earlier_calendars,
       tenant.reset_number,
       tenant.version
FROM (SELECT coalesce(max(version), 0) AS version FROM {schema}.config_version) AS config
LEFT JOIN {schema}.tenant ON tenant.version > $1::bigint
`;

/** The text of `readStorageLevels.sql`. */
export const readStorageLevels = `-- The level that tenants had just before a day: the last one of their last day with points before it. That row is right
-- whatever arrives later, because a point changes only its own day and those after it, and it outlives the points.
-- $1 tenants, $2 the day's date, one a tenant. Returns tenant_id, at_seconds, bytes; no row for a tenant without any level.
SELECT given.tenant_id, extract(epoch FROM level.at)::bigint AS at_seconds, level.bytes
FROM unnest($1::text[], $2::date[]) AS given (tenant_id, usage_date)
CROSS JOIN LATERAL (
  SELECT usage.storage_last_at AS at, usage.storage_last_bytes AS bytes
  FROM {schema}.tenant_usage AS usage
  WHERE usage.tenant_id = given.tenant_id AND usage.usage_date < given.usage_date AND usage.storage_last_at IS NOT NULL
  ORDER BY usage.usage_date DESC
  LIMIT 1
) AS level
`;

/** The text of `readStoragePoints.sql`. */
export const readStoragePoints = `-- Levels that were set and changes of them, of tenants from an instant on, oldest first. A second's changes are one row, saturated.
-- $1 tenants, $2 seconds since 1970, one a tenant. Returns tenant_id, at_seconds, kind (set or add), bytes, id ('' of changes).
SELECT point.tenant_id,
       extract(epoch FROM point.at)::bigint AS at_seconds,
       point.kind,
       point.bytes,
       point.id
FROM unnest($1::text[], $2::bigint[]) AS given (tenant_id, at_seconds)
CROSS JOIN LATERAL (
  SELECT tenant_id, at, 'set' AS kind, bytes, id::text AS id
  FROM {schema}.storage_point
  WHERE tenant_id = given.tenant_id AND at >= to_timestamp(given.at_seconds)
  UNION ALL
  SELECT tenant_id, at, 'add', GREATEST(LEAST(bytes, 9007199254740991), -9007199254740991)::bigint, ''
  FROM {schema}.storage_change
  WHERE tenant_id = given.tenant_id AND at >= to_timestamp(given.at_seconds)
) AS point
ORDER BY point.tenant_id COLLATE "C", point.at, point.kind DESC, point.id
`;

/** The text of `readStoredDays.sql`. */
export const readStoredDays = `-- What storage days of tenants are made of, with the days as they are stored, in one snapshot a tenant; tenants without either are left out.
-- $1 tenants, $2 first and $3 last date. Returns tenant_id; as JSON text days (as readUsage.sql has them), level_before (or NULL: the
-- last level before the first date), points (oldest first, also some of before it: the caller's calendar picks); and time_zone,
-- billing_anchor_day, earlier_calendars, NULL without a setting.
SELECT given.tenant_id, found.days::text AS days, found.points::text AS points, setting.time_zone, setting.billing_anchor_day,
       setting.earlier_calendars::text AS earlier_calendars,
       (
         SELECT json_build_object('atSeconds', extract(epoch FROM storage_last_at)::bigint, 'bytes', storage_last_bytes)
         FROM {schema}.tenant_usage
         WHERE tenant_id = given.tenant_id AND usage_date < $2::date AND storage_last_at IS NOT NULL
         ORDER BY usage_date DESC
         LIMIT 1
       )::text AS level_before
FROM unnest($1::text[]) AS given (tenant_id)
CROSS JOIN LATERAL (
  SELECT
    (
      SELECT json_agg(json_build_object(
        'date', to_char(usage_date, 'YYYY-MM-DD'), 'byte_ms', storage_byte_ms::text, 'covered_ms', storage_covered_ms,
        'peak_bytes', storage_peak_bytes, 'last_bytes', storage_last_bytes,
        'last_at', extract(epoch FROM storage_last_at)::bigint
      ))
      FROM {schema}.tenant_usage
      WHERE tenant_id = given.tenant_id AND usage_date BETWEEN $2::date AND $3::date AND storage_last_at IS NOT NULL
    ) AS days,
    (
      SELECT json_agg(point ORDER BY point.at_seconds, point.kind DESC, point.id)
      FROM (
        SELECT extract(epoch FROM at)::bigint AS at_seconds, kind, bytes, id
        FROM (
          SELECT at, 'set' AS kind, bytes, id::text AS id
          FROM {schema}.storage_point
          WHERE tenant_id = given.tenant_id
          UNION ALL
          SELECT at, 'add', GREATEST(LEAST(bytes, 9007199254740991), -9007199254740991)::bigint, ''
          FROM {schema}.storage_change
          WHERE tenant_id = given.tenant_id
        ) AS reported
        -- Wide enough for any zone.
        WHERE at >= ($2::date - 2)::timestamp AT TIME ZONE 'UTC' AND at < ($3::date + 3)::timestamp AT TIME ZONE 'UTC'
      ) AS point
    ) AS points
) AS found
LEFT JOIN {schema}.tenant AS setting ON setting.tenant_id = given.tenant_id
WHERE found.days IS NOT NULL OR found.points IS NOT NULL
`;

/** The text of `readTableColumns.sql`. */
export const readTableColumns = `-- The columns of a table or view of the app, as its connection finds it. $1 its name, quoted.
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
`;

/** The text of `readTenants.sql`. */
export const readTenants = `-- Tenants that the ledger knows, in the order of their bytes, without reading all rows of any: each step asks every table for the next one.
-- $1 the tenant behind which to begin, $2 how many at most. Returns tenant_id.
WITH RECURSIVE next (tenant_id, number) AS (
  SELECT (LEAST(
      (SELECT min(tenant_id) FROM {schema}.tenant WHERE tenant_id > $1::text),
      (SELECT min(tenant_id) FROM {schema}.quota_charge WHERE tenant_id > $1::text),
      (SELECT min(tenant_id) FROM {schema}.tenant_usage WHERE tenant_id > $1::text),
      (SELECT min(tenant_id) FROM {schema}.usage_adjustment WHERE tenant_id > $1::text),
      (SELECT min(tenant_id) FROM {schema}.closed_period WHERE tenant_id > $1::text)
    )) COLLATE "C", 1
  UNION ALL
  SELECT (LEAST(
      (SELECT min(tenant_id) FROM {schema}.tenant WHERE tenant_id > next.tenant_id),
      (SELECT min(tenant_id) FROM {schema}.quota_charge WHERE tenant_id > next.tenant_id),
      (SELECT min(tenant_id) FROM {schema}.tenant_usage WHERE tenant_id > next.tenant_id),
      (SELECT min(tenant_id) FROM {schema}.usage_adjustment WHERE tenant_id > next.tenant_id),
      (SELECT min(tenant_id) FROM {schema}.closed_period WHERE tenant_id > next.tenant_id)
    )) COLLATE "C", next.number + 1
  FROM next
  WHERE next.tenant_id IS NOT NULL AND next.number < $2::integer
)
SELECT tenant_id FROM next WHERE tenant_id IS NOT NULL ORDER BY number
`;

/** The text of `readUsage.sql`. */
export const readUsage = `-- One tenant's usage over a range of its days, in one statement and so in one snapshot.
-- $1 tenant, $2 first date, $3 last date, $4 first days of the months, $5 the masks of the days that count in each.
-- Returns one row: now_ms, has_usage (0 or 1), active_users (distinct), and as JSON text days, storage_before (or NULL),
-- points (of the days around the last date), meters, levels_before, level_points and overage (the same of own meters, and units above
-- soft limits by day and meter), adjustments (sums by day and meter), closed_months; and time_zone, billing_anchor_day, earlier_calendars, NULL without a setting.
SELECT
  floor(extract(epoch FROM now()) * 1000)::bigint AS now_ms,
  (EXISTS (SELECT FROM {schema}.tenant_usage WHERE tenant_id = $1::text)
    OR EXISTS (SELECT FROM {schema}.meter_usage WHERE tenant_id = $1::text)
    OR EXISTS (SELECT FROM {schema}.quota_charge WHERE tenant_id = $1::text)
    OR EXISTS (SELECT FROM {schema}.usage_adjustment WHERE tenant_id = $1::text))::integer AS has_usage,
  (
    SELECT count(DISTINCT active.user_hash)
    FROM unnest($4::date[], $5::integer[]) AS asked (month, day_mask)
    JOIN {schema}.tenant_active_user AS active
      ON active.tenant_id = $1::text AND active.month = asked.month AND active.day_mask & asked.day_mask <> 0
  ) AS active_users,
  (
    SELECT coalesce(json_agg(day ORDER BY day.date), '[]')
    FROM (
      SELECT to_char(usage_date, 'YYYY-MM-DD') AS date, api_calls, active_users, storage_byte_ms::text AS byte_ms,
             storage_covered_ms AS covered_ms, storage_peak_bytes AS peak_bytes, storage_last_bytes AS last_bytes,
             extract(epoch FROM storage_last_at)::bigint AS last_at
      FROM {schema}.tenant_usage
      WHERE tenant_id = $1::text AND usage_date BETWEEN $2::date AND $3::date
    ) AS day
  )::text AS days,
  (
    SELECT row_to_json(day)
    FROM (
      SELECT to_char(usage_date, 'YYYY-MM-DD') AS date, storage_byte_ms::text AS byte_ms,
             storage_covered_ms AS covered_ms, storage_peak_bytes AS peak_bytes, storage_last_bytes AS last_bytes,
             extract(epoch FROM storage_last_at)::bigint AS last_at
      FROM {schema}.tenant_usage
      WHERE tenant_id = $1::text AND usage_date < $2::date AND storage_last_at IS NOT NULL
      ORDER BY usage_date DESC
      LIMIT 1
    ) AS day
  )::text AS storage_before,
  (
    SELECT coalesce(json_agg(point ORDER BY point.at_seconds, point.kind DESC, point.id), '[]')
    FROM (
      SELECT extract(epoch FROM at)::bigint AS at_seconds, kind, bytes, id
      FROM (
        SELECT at, 'set' AS kind, bytes, id::text AS id FROM {schema}.storage_point WHERE tenant_id = $1::text
        UNION ALL
        SELECT at, 'add', GREATEST(LEAST(bytes, 9007199254740991), -9007199254740991)::bigint, ''
        FROM {schema}.storage_change
        WHERE tenant_id = $1::text
      ) AS reported
      -- Wide enough for any zone, also for a date that a change of zone made longer; the caller's calendar picks.
      WHERE at >= ($3::date - 2)::timestamp AT TIME ZONE 'UTC'
        AND at < ($3::date + 3)::timestamp AT TIME ZONE 'UTC'
    ) AS point
  )::text AS points,
  (
    SELECT coalesce(json_agg(used ORDER BY used.day, used.meter), '[]')
    FROM (
      -- Days as numbers from the first on, and levels only where there is one: of a year of five meters three quarters of the time.
      SELECT usage_date - $2::date AS day, meter, amount,
             CASE WHEN level_last_at IS NOT NULL THEN json_build_object(
               'byte_ms', level_unit_ms::text, 'covered_ms', level_covered_ms, 'peak_bytes', level_peak, 'last_bytes', level_last,
               'last_at', extract(epoch FROM level_last_at)::bigint
             ) END AS level
      FROM {schema}.meter_usage
      WHERE tenant_id = $1::text AND usage_date BETWEEN $2::date AND $3::date
    ) AS used
  )::text AS meters,
  (
    SELECT coalesce(json_agg(day ORDER BY day.meter), '[]')
    FROM (
      -- A level that is older holds no more; two days more for those that a change of zone made longer.
      SELECT DISTINCT ON (meter) to_char(usage_date, 'YYYY-MM-DD') AS date, meter, level_unit_ms::text AS byte_ms,
             level_covered_ms AS covered_ms, level_peak AS peak_bytes, level_last AS last_bytes,
             extract(epoch FROM level_last_at)::bigint AS last_at
      FROM {schema}.meter_usage
      WHERE tenant_id = $1::text AND usage_date < $2::date AND usage_date >= $2::date - 37 AND level_last_at IS NOT NULL
      ORDER BY meter, usage_date DESC
    ) AS day
  )::text AS levels_before,
  (
    SELECT coalesce(json_agg(point ORDER BY point.meter, point.at_seconds, point.id), '[]')
    FROM (
      SELECT point.meter, extract(epoch FROM point.at)::bigint AS at_seconds, 'set' AS kind, point.level AS bytes, point.id
      -- The meters of the days around the last date, so that each is one stretch of the points' index.
      FROM (
        SELECT DISTINCT meter
        FROM {schema}.meter_usage
        WHERE tenant_id = $1::text AND usage_date BETWEEN $3::date - 2 AND $3::date + 2 AND level_last_at IS NOT NULL
      ) AS known
      JOIN {schema}.meter_point AS point
        ON point.tenant_id = $1::text AND point.meter = known.meter
        AND point.at >= ($3::date - 2)::timestamp AT TIME ZONE 'UTC'
        AND point.at < ($3::date + 3)::timestamp AT TIME ZONE 'UTC'
    ) AS point
  )::text AS level_points,
  (
    SELECT coalesce(json_agg(charged ORDER BY charged.day, charged.meter), '[]')
    FROM (
      SELECT usage_date - $2::date AS day, meter, LEAST(sum(overage), 9007199254740991)::bigint AS units
      FROM {schema}.quota_charge
      WHERE tenant_id = $1::text AND usage_date BETWEEN $2::date AND $3::date AND overage > 0
      GROUP BY usage_date, meter
    ) AS charged
  )::text AS overage,
  (
    SELECT coalesce(json_agg(adjusted ORDER BY adjusted.date, adjusted.meter), '[]')
    FROM (
      SELECT to_char(usage_date, 'YYYY-MM-DD') AS date, meter,
             GREATEST(LEAST(sum(delta), 9007199254740991), -9007199254740991)::bigint AS delta
      FROM {schema}.usage_adjustment
      WHERE tenant_id = $1::text AND usage_date BETWEEN $2::date AND $3::date
      GROUP BY usage_date, meter
    ) AS adjusted
  )::text AS adjustments,
  (
    SELECT coalesce(json_agg(to_char(month, 'YYYY-MM') ORDER BY month), '[]')
    FROM {schema}.closed_period
    WHERE tenant_id = $1::text AND month = ANY ($4::date[])
  )::text AS closed_months,
  setting.time_zone,
  setting.billing_anchor_day,
  setting.earlier_calendars::text AS earlier_calendars
FROM (VALUES (1)) AS always (one)
LEFT JOIN {schema}.tenant AS setting ON setting.tenant_id = $1::text
`;

/** The text of `readUserDays.sql`. */
export const readUserDays = `-- Days of tenants whose count of active users is not that of their users' rows. $1 tenants, $2 first and $3 last date.
-- Returns tenant_id, date, recorded, counted.
SELECT tenant_id, to_char(usage_date, 'YYYY-MM-DD') AS date,
       coalesce(usage.active_users, 0) AS recorded, coalesce(active.users, 0) AS counted
FROM (
  SELECT tenant_id, usage_date, active_users
  FROM {schema}.tenant_usage
  WHERE tenant_id = ANY ($1::text[]) AND usage_date BETWEEN $2::date AND $3::date
) AS usage
FULL JOIN (
  SELECT tenant_id, month + bit.day AS usage_date, count(*) AS users
  FROM {schema}.tenant_active_user
  CROSS JOIN generate_series(0, 30) AS bit (day)
  WHERE tenant_id = ANY ($1::text[])
    AND month BETWEEN date_trunc('month', $2::date)::date AND $3::date
    AND month + bit.day BETWEEN $2::date AND $3::date
    AND day_mask & (1 << bit.day) <> 0
  GROUP BY tenant_id, month + bit.day
) AS active USING (tenant_id, usage_date)
WHERE coalesce(usage.active_users, 0) <> coalesce(active.users, 0)
ORDER BY tenant_id, usage_date
`;

/** The text of `readUserMonths.sql`. */
export const readUserMonths = `-- The months in which a user was active. $1 tenant, $2 the user's hash (hex). Returns month, day_mask.
SELECT to_char(month, 'YYYY-MM-DD') AS month, day_mask
FROM {schema}.tenant_active_user
WHERE tenant_id = $1::text AND user_hash = decode($2, 'hex')
ORDER BY tenant_active_user.month
`;

/** The text of `readVanished.sql`. */
export const readVanished = `-- Tenants that earlier runs found and this one did not. $1 the run, $2 most. Returns tenant_id.
SELECT tenant_id
FROM {schema}.collected_storage
WHERE run_number < $1::bigint
ORDER BY tenant_id
LIMIT $2::bigint
`;

/** The text of `recordGap.sql`. */
export const recordGap = `-- Keeps what is known to be missing; the same gap again changes nothing. $1 producer, $2 from, $3 to, $4 reason. Returns nothing.
INSERT INTO {schema}.usage_gap (producer_id, from_record, to_record, reason, recorded_at)
VALUES ($1::uuid, $2::bigint, $3::bigint, $4::text, now())
ON CONFLICT (producer_id, from_record, to_record) DO NOTHING
`;

/** The text of `recordMigration.sql`. */
export const recordMigration = `-- Says that a migration was applied, as Prisma does. $1 id, $2 checksum, $3 name. Returns nothing.
INSERT INTO {schema}._prisma_migrations
  (id, checksum, finished_at, migration_name, logs, rolled_back_at, started_at, applied_steps_count)
VALUES ($1::text, $2::text, clock_timestamp(), $3::text, NULL, NULL, now(), 1)
`;

/** The text of `registerProducer.sql`. */
export const registerProducer = `-- Makes a producer's row, only while its id is young by the database's clock; the id's first 48 bits are when it was made, and
-- an instant in the future is young. $1 id, $2 host, $3 pid, $4 minimum age in milliseconds,
-- $5 whether it keeps a journal. Nothing that it booked is in the ledger yet.
-- Returns registered: 1 where the row is there afterwards. A young id that conflicts is there, even where this statement's
-- snapshot cannot see the row that it conflicted with.
WITH age AS (
  SELECT $1::uuid >= rpad(lpad(to_hex(floor(extract(epoch FROM now()) * 1000)::bigint - $4::bigint), 12, '0'), 32, '0')::uuid
    AS is_young
), added AS (
  INSERT INTO {schema}.usage_producer (id, last_record, host, pid, first_seen_at, last_seen_at, has_journal, flushed_until)
  SELECT $1::uuid, 0, $2::text, $3::integer, now(), now(), $5::boolean, to_timestamp(0) FROM age WHERE is_young
  ON CONFLICT (id) DO NOTHING
)
SELECT (is_young OR EXISTS (SELECT FROM {schema}.usage_producer WHERE id = $1::uuid))::integer AS registered
FROM age
`;

/** The text of `renewCollection.sql`. */
export const renewCollection = `-- Holds the claim of a run for some time from now on. $1 the run, $2 milliseconds. Returns run_number; no row where another has claimed
-- since, or the run has ended.
UPDATE {schema}.storage_collection
SET claimed_until = now() + $2::bigint * interval '1 millisecond'
WHERE singleton = 1 AND run_number = $1::bigint AND claimed_until IS NOT NULL
RETURNING run_number
`;

/** The text of `replaceQuarantinedHash.sql`. */
export const replaceQuarantinedHash = `-- The same in rows that were put aside: one that is retried later must not bring the user back. $1 the hash, $2 its replacement (hex).
-- Returns nothing.
UPDATE {schema}.quarantine
SET content = replace(content, $1::text, $2::text)
WHERE kind = 'user' AND strpos(content, $1::text) > 0
`;

/** The text of `replaceUserHash.sql`. */
export const replaceUserHash = `-- Gives the rows of a user another hash. $1 tenant, $2 the hash and $3 its replacement (hex), $4 first days of months.
-- Returns nothing.
UPDATE {schema}.tenant_active_user
SET user_hash = decode($3, 'hex')
WHERE tenant_id = $1::text AND month = ANY ($4::date[]) AND user_hash = decode($2, 'hex')
`;

/** The text of `resetQuota.sql`. */
export const resetQuota = `-- Gives a tenant's row the number of a new reset, and records the reset. The row of config_version is locked, so nobody else can
-- be changing the tenant's. The number is above the last one and, where the clock allows, the microseconds since 1970: a
-- database that was restored, and has forgotten the last one, still gives a higher one.
-- $1 tenant, $2 version, $3 reason, $4 author. Returns the whole row.
WITH reset AS (
  INSERT INTO {schema}.tenant AS present (tenant_id, version, reset_number)
  VALUES ($1::text, $2::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
  ON CONFLICT (tenant_id) DO UPDATE
  SET version = excluded.version,
      reset_number = GREATEST(present.reset_number + 1, excluded.reset_number)
  RETURNING present.*
), recorded AS (
  INSERT INTO {schema}.quota_reset (tenant_id, reset_number, reason, author, at)
  SELECT tenant_id, reset_number, $3::text, $4::text, clock_timestamp() FROM reset
)
SELECT tenant_id,
       plan,
       limits::text AS limits,
       limit_ends::text AS limit_ends,
       time_zone,
       billing_anchor_day,
       earlier_calendars::text AS earlier_calendars,
       reset_number,
       version
FROM reset
`;

/** The text of `sumCharges.sql`. */
export const sumCharges = `-- Units that windows of tenants were charged: one sum a query, in their order.
-- $1 tenants, $2 meters, $3 reset numbers, $4 first dates, $5 last dates.
SELECT LEAST(coalesce((
  SELECT sum(charge.units)
  FROM {schema}.quota_charge AS charge
  WHERE charge.tenant_id = asked.tenant_id
    AND charge.usage_date BETWEEN asked.first_date AND asked.last_date
    AND charge.meter = asked.meter
    AND charge.reset_number = asked.reset_number
), 0), 9007199254740991)::bigint AS units
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::date[], $5::date[]) WITH ORDINALITY
  AS asked (tenant_id, meter, reset_number, first_date, last_date, position)
ORDER BY asked.position
`;

/** The text of `takeBookingKey.sql`. */
export const takeBookingKey = `-- Takes the key of something that is booked once; a rival waits here for the other's commit. $1 tenant, $2 key (hex),
-- $3 content (hex), $4 answer. Returns a row where the key was not there before.
INSERT INTO {schema}.booking_key (tenant_id, key, content, answer, received_on)
VALUES ($1::text, decode($2::text, 'hex'), decode($3::text, 'hex'), $4::text, (now() AT TIME ZONE 'UTC')::date)
ON CONFLICT (tenant_id, key) DO NOTHING
RETURNING 1 AS taken
`;

/** The text of `takeKeys.sql`. */
export const takeKeys = `-- Takes the keys of what is booked once. Whoever inserts a key books what came with it; a rival waits here for the other's commit.
-- All writers take them in one order. $1 tenants, $2 keys (hex); each pair once. Returns the pairs that were not there before.
INSERT INTO {schema}.event_dedupe (tenant_id, key, received_on)
SELECT given.tenant_id, decode(given.key, 'hex'), (now() AT TIME ZONE 'UTC')::date
FROM unnest($1::text[], $2::text[]) AS given (tenant_id, key)
ORDER BY given.tenant_id COLLATE "C", decode(given.key, 'hex')
ON CONFLICT (tenant_id, key) DO NOTHING
RETURNING tenant_id, encode(key, 'hex') AS key
`;

/** The text of `takeQuarantined.sql`. */
export const takeQuarantined = `-- Takes out a row that was put aside. Of several who ask one gets it: a rival waits here and then finds nothing. $1 its id.
-- Returns it.
DELETE FROM {schema}.quarantine
WHERE id = $1::uuid
RETURNING id::text AS id, producer_id::text AS producer_id, from_record, to_record, kind, content, reason,
          floor(extract(epoch FROM quarantined_at) * 1000)::bigint AS quarantined_at_ms
`;

/** The text of `touchProducer.sql`. */
export const touchProducer = `-- Says that a producer lives, or that it closed; what has closed stays closed. $1 id, $2 whether it closes, $3 the record up to which
-- it has booked, $4 how many milliseconds ago that was all, both NULL where it does not say so. A ledger that stands elsewhere
-- went back or forward in time, and is not said to have everything. Returns last_record; no row where the producer has none.
UPDATE {schema}.usage_producer
SET last_seen_at = now(),
    closed_at = CASE WHEN $2::boolean THEN coalesce(closed_at, now()) ELSE closed_at END,
    flushed_until = CASE
      WHEN last_record = $3::bigint THEN now() - $4::bigint * INTERVAL '1 millisecond'
      ELSE flushed_until
    END
WHERE id = $1::uuid
RETURNING last_record
`;

/** The text of `writeMeterLevels.sql`. */
export const writeMeterLevels = `-- Replaces the levels of days by what their points integrate to. Must come after addMeters.sql, which made and locked the rows.
-- $1 tenants, $2 meters, $3 dates, $4 averages, $5 unit-milliseconds, $6 covered milliseconds, $7 peaks, $8 last levels, $9 their
-- instants in seconds since 1970. Returns nothing.
UPDATE {schema}.meter_usage AS present
SET level_average = given.average,
    level_unit_ms = given.unit_ms,
    level_covered_ms = given.covered_ms,
    level_peak = given.peak,
    level_last = given.last_level,
    level_last_at = to_timestamp(given.last_at)
FROM unnest($1::text[], $2::text[], $3::date[], $4::bigint[], $5::numeric[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
  AS given (tenant_id, meter, usage_date, average, unit_ms, covered_ms, peak, last_level, last_at)
WHERE present.tenant_id = given.tenant_id AND present.usage_date = given.usage_date AND present.meter = given.meter
`;

/** The text of `writeSetting.sql`. */
export const writeSetting = `-- Replaces one tenant's row; an emptied one is kept, it announces the change and holds the earlier calendars. The number of the
-- last reset stays as it is.
-- $1 tenant, $2 plan, $3 limits (JSON), $4 time zone, $5 billing anchor day, $6 earlier calendars (JSON), $7 version,
-- $8 ends of overrides (JSON). Returns nothing.
INSERT INTO {schema}.tenant (tenant_id, plan, limits, time_zone, billing_anchor_day, earlier_calendars, version, limit_ends)
VALUES ($1::text, $2::text, $3::text::jsonb, $4::text, $5::smallint, $6::text::jsonb, $7::bigint, $8::text::jsonb)
ON CONFLICT (tenant_id) DO UPDATE
SET plan = excluded.plan,
    limits = excluded.limits,
    time_zone = excluded.time_zone,
    billing_anchor_day = excluded.billing_anchor_day,
    earlier_calendars = excluded.earlier_calendars,
    version = excluded.version,
    limit_ends = excluded.limit_ends
`;

/** The text of `writeStorageDays.sql`. */
export const writeStorageDays = `-- Replaces the storage of days by what their points integrate to. Must come after addUsage.sql, which made and locked the rows.
-- $1 tenants, $2 dates, $3 averages, $4 byte-milliseconds, $5 covered milliseconds, $6 peaks, $7 last levels, $8 their
-- instants in seconds since 1970. Returns nothing.
UPDATE {schema}.tenant_usage AS present
SET storage_bytes = given.average,
    storage_byte_ms = given.byte_ms,
    storage_covered_ms = given.covered_ms,
    storage_peak_bytes = given.peak,
    storage_last_bytes = given.last_bytes,
    storage_last_at = to_timestamp(given.last_at)
FROM unnest($1::text[], $2::date[], $3::bigint[], $4::numeric[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
  AS given (tenant_id, usage_date, average, byte_ms, covered_ms, peak, last_bytes, last_at)
WHERE present.tenant_id = given.tenant_id AND present.usage_date = given.usage_date
`;
