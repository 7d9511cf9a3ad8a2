// Reads and changes of tenants' settings. A change and the version that announces it are one transaction.
import type { QuotaReset, SettingContent, SettingsSnapshot, TenantSetting } from '../../ports/tenantDirectory.js';
import { onlyRow, optionalWholeOf, type Row, wholeOf } from './columns.js';
import type { Database } from './database.js';
import {
  bumpConfigVersion,
  readConfigVersion,
  readSetting,
  readSettings,
  resetQuota,
  writeSetting,
} from './postgres.generated.js';
import { inSession, inTransaction, type Session } from './session.js';
import { settingColumns, tenantSettingOf } from './settingRow.js';

/** What changed after `version`, emptied rows included; everything after 0. */
export function loadSettings(database: Database, version: number): Promise<SettingsSnapshot> {
  return inSession(database.pool, database.deadlineMs, async (session) => {
    const rows = await session.query(database.sql(readSettings), [version]);
    return {
      version: wholeOf(onlyRow(rows), 'config_version'),
      settings: rows.filter((row) => row.tenant_id !== null).map(tenantSettingOf),
    };
  });
}

/** The version of the last change, 0 before the first; and when all were last asked to flush, if ever. */
export function readPolled(
  database: Database,
): Promise<{ readonly version: number; readonly flushAskedAtMs: number | undefined }> {
  return inSession(database.pool, database.deadlineMs, async (session) => {
    const row = onlyRow(await session.query(database.sql(readConfigVersion), []));
    return { version: wholeOf(row, 'version'), flushAskedAtMs: optionalWholeOf(row, 'flush_asked_at_ms') };
  });
}

/** Replaces a tenant's row by what `change` makes of it; what `change` throws leaves row and version as they were. */
export function changeSetting(
  database: Database,
  tenantId: string,
  change: (present: TenantSetting | undefined, nowMs: number) => SettingContent,
): Promise<TenantSetting> {
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    const bumped = await nextVersion(database, session);
    const [row] = await session.query(database.sql(readSetting), [tenantId]);
    const present = row === undefined ? undefined : tenantSettingOf(row);
    const content = change(present, wholeOf(bumped, 'now_ms'));
    const setting = { ...content, tenantId, version: wholeOf(bumped, 'version') };
    await session.query(database.sql(writeSetting), settingColumns(setting));
    return { ...setting, resetNumber: present?.resetNumber ?? 0 };
  });
}

/** Gives the tenant the next reset number, and records who reset it and why. */
export function resetTenant(database: Database, tenantId: string, reset: QuotaReset): Promise<TenantSetting> {
  return inTransaction(database.pool, database.deadlineMs, async (session) => {
    const version = wholeOf(await nextVersion(database, session), 'version');
    const values = [tenantId, version, reset.reason, reset.author];
    return tenantSettingOf(onlyRow(await session.query(database.sql(resetQuota), values)));
  });
}

/** Must come first: its lock puts all changes in a line, so a tenant's row cannot be another's half-done work. */
const nextVersion = async (database: Database, session: Session): Promise<Row> =>
  onlyRow(await session.query(database.sql(bumpConfigVersion), []));
