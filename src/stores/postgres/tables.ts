// The tables and columns that this version's statements use. In an adopted schema somebody else's migrations made them, and
// this list is what we look for.
export const TABLES: Readonly<Record<string, readonly string[]>> = {
  tenant_usage: [
    'tenant_id',
    'usage_date',
    'api_calls',
    'active_users',
    'storage_bytes',
    'storage_byte_ms',
    'storage_covered_ms',
    'storage_peak_bytes',
    'storage_last_bytes',
    'storage_last_at',
  ],
  quota_charge: ['tenant_id', 'usage_date', 'meter', 'reset_number', 'units', 'denied', 'unconfirmed', 'overage'],
  event_dedupe: ['tenant_id', 'key', 'received_on'],
  tenant_active_user: ['tenant_id', 'month', 'user_hash', 'day_mask'],
  storage_point: ['tenant_id', 'at', 'id', 'bytes'],
  storage_change: ['tenant_id', 'at', 'bytes'],
  booking_key: ['tenant_id', 'key', 'content', 'answer', 'received_on'],
  tenant_storage: ['tenant_id', 'integrated_at'],
  storage_collection: [
    'singleton',
    'run_number',
    'finished_run',
    'collected_at',
    'tenants',
    'every_ms',
    'claimed_until',
    'failures',
    'retry_at',
    'failure',
  ],
  collected_storage: ['tenant_id', 'run_number'],
  usage_adjustment: ['tenant_id', 'key', 'usage_date', 'meter', 'delta', 'reason', 'author', 'adjusted_at'],
  closed_period: ['tenant_id', 'month', 'closed_at', 'author', 'api_calls', 'active_users', 'storage_bytes', 'report'],
  tenant: [
    'tenant_id',
    'plan',
    'limits',
    'time_zone',
    'billing_anchor_day',
    'earlier_calendars',
    'version',
    'limit_ends',
    'reset_number',
  ],
  quota_reset: ['tenant_id', 'reset_number', 'reason', 'author', 'at'],
  config_version: ['singleton', 'version'],
  usage_producer: [
    'id',
    'last_record',
    'host',
    'pid',
    'first_seen_at',
    'last_seen_at',
    'closed_at',
    'has_journal',
    'flushed_until',
  ],
  quarantine: ['id', 'producer_id', 'from_record', 'to_record', 'kind', 'content', 'reason', 'quarantined_at'],
  usage_gap: ['producer_id', 'from_record', 'to_record', 'reason', 'recorded_at'],
  replay_source: [
    'source_hash',
    'source',
    'options',
    'consumed_bytes',
    'consumed_sha256',
    'consumed_lines',
    'first_replayed_at',
    'last_replayed_at',
  ],
  ledger: ['singleton', 'id', 'hash_key', 'created_at', 'flush_asked_at'],
};

/** Of `present` (`table.column`) what is missing, each as `table.column`. */
export function missingColumns(present: ReadonlySet<string>): string[] {
  return Object.entries(TABLES)
    .flatMap(([table, columns]) => columns.map((column) => `${table}.${column}`))
    .filter((name) => !present.has(name));
}
