// The tenants' settings: plan, overrides, calendar. Each change has a version, so that every process can poll for what is new.
import type { EarlierCalendar } from '../core/time/calendar.js';

/** What an operator set for one tenant. Everything undefined and no override: an emptied row, which is no setting. */
export interface TenantSetting {
  readonly tenantId: string;
  readonly plan: string | undefined;
  /** Overrides by limit name. */
  readonly limits: ReadonlyMap<string, number | 'unlimited'>;
  readonly timeZone: string | undefined;
  readonly billingAnchorDay: number | undefined;
  /** Calendars that held before, oldest first; also kept in an emptied row. */
  readonly earlierCalendars: readonly EarlierCalendar[];
  /** Of the change that made it. */
  readonly version: number;
}

/** Settings with the directory's version at which they were read. */
export interface SettingsSnapshot {
  readonly version: number;
  readonly settings: readonly TenantSetting[];
}

/** The new content of a tenant's row. */
export type SettingContent = Omit<TenantSetting, 'tenantId' | 'version'>;

/**
 * Callers may rely on: a change and the version that announces it are committed together; versions only grow, except over
 * a restore of the database. Rejects with `ledger_unavailable` or `migrations_pending`, never with anything else of its own.
 */
export interface TenantDirectory {
  /** All settings, emptied rows included (they hold earlier calendars). */
  loadAll(): Promise<SettingsSnapshot>;
  /** The version alone: one cheap read, made twice a second by every process, on a connection and deadline of its own. */
  readVersion(): Promise<number>;
  /** What changed after `version`. */
  loadSince(version: number): Promise<SettingsSnapshot>;
  /**
   * Replaces a tenant's row by what `change` makes of the present one, in one transaction under the row's lock. `nowMs` is the
   * database's clock. What `change` throws aborts the transaction and is thrown on. Returns the new setting.
   */
  change(
    tenantId: string,
    change: (present: TenantSetting | undefined, nowMs: number) => SettingContent,
  ): Promise<TenantSetting>;
}
