// The tenants' settings: plan, overrides, calendar. Each change has a version, so that every process can poll for what is new.
import type { StoredSetting } from '../core/quota/setting.js';

/**
 * What an operator set for one tenant. Everything undefined and no override: an emptied row, which is no setting, and holds
 * earlier calendars and the number of the last reset all the same.
 */
export interface TenantSetting extends StoredSetting {
  readonly tenantId: string;
  /** Of the last reset of what was used; 0 before the first. No change of the content touches it. */
  readonly resetNumber: number;
  /** Of the change or reset that made it. */
  readonly version: number;
}

/** Why what a tenant used shall count as 0 from now on. */
export interface QuotaReset {
  /** For people. */
  readonly reason: string;
  /** Who asked for it: a token's name, `cli`. */
  readonly author: string;
}

/** Settings with the directory's version at which they were read. */
export interface SettingsSnapshot {
  readonly version: number;
  readonly settings: readonly TenantSetting[];
}

/** The new content of a tenant's row. */
export type SettingContent = StoredSetting;

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
  /**
   * Gives the tenant the next reset number, max(last + 1, microseconds since 1970 by the database's clock), and records the reset,
   * in one transaction with the version that announces it. Returns the setting, that of a tenant without one too.
   */
  reset(tenantId: string, reset: QuotaReset): Promise<TenantSetting>;
}
