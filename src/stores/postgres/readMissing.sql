-- What the ledger knows of what one tenant's usage of some days may lack, in one snapshot.
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
