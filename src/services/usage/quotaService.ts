// Which limits hold for a tenant: its plan, its overrides, its calendar. All settings are in memory, loaded at start and then
// followed by version, so that a decision asks nobody; a tenant without a setting costs neither a query nor memory.
import { invalidRequest, TallygateError, tenantNotFound } from '../../core/errors.js';
import type { EffectiveLimit } from '../../core/quota/limit.js';
import type { Plans } from '../../core/quota/plans.js';
import {
  applyPatch,
  calendarOf,
  EMPTY_SETTING,
  effectiveLimits,
  emptied,
  isSet,
  MAX_CALENDAR_CHANGES,
  replaceBy,
  type SettingPatch,
  type StoredSetting,
  settingFaults,
} from '../../core/quota/setting.js';
import { type TenantCalendar, UTC_CALENDAR } from '../../core/time/calendar.js';
import type { TenantDirectory, TenantSetting } from '../../ports/tenantDirectory.js';

/** What holds for one tenant. One object as long as nothing changed, so that whatever is computed from it can be kept beside it. */
export interface TenantQuota {
  readonly plan: string;
  /** `default`: the tenant has no plan of its own. */
  readonly planSource: 'plan' | 'default';
  /** Whether anything was set for this tenant. */
  readonly hasSetting: boolean;
  readonly calendar: TenantCalendar;
  /** Shortest window first. */
  readonly limits: readonly EffectiveLimit[];
}

/** What the service needs. */
export interface QuotaServiceParts {
  readonly directory: TenantDirectory;
  readonly plans: Plans;
  /** The plan of a tenant that has none; one of `plans`. */
  readonly defaultPlan: string;
  /** Whether the tenant has usage in the ledger: such a tenant exists, also without a setting. */
  readonly hasUsage: (tenantId: string) => Promise<boolean>;
}

/** See the head of this file. */
export class QuotaService {
  readonly #parts: QuotaServiceParts;
  readonly #unset: TenantQuota;
  readonly #quotas = new Map<string, { readonly quota: TenantQuota; readonly version: number }>();
  /** The directory's version up to which everything is loaded; undefined before the first load. */
  #version: number | undefined;
  /** A directory that went back in time was noticed, and is not loaded anew yet: its versions may have caught up since. */
  #wasRestored = false;
  /** Own changes during a load of everything; undefined while none runs. */
  #madeWhileLoading: TenantSetting[] | undefined;

  constructor(parts: QuotaServiceParts) {
    this.#parts = parts;
    this.#unset = {
      plan: parts.defaultPlan,
      planSource: 'default',
      hasSetting: false,
      calendar: UTC_CALENDAR,
      limits: effectiveLimits(parts.plans.get(parts.defaultPlan) ?? [], 'default', new Map()),
    };
  }

  /**
   * What holds for the tenant now.
   * @throws TallygateError `not_ready` before the settings were loaded once: no default plan is assumed until then.
   */
  quotaOf(tenantId: string): TenantQuota {
    if (this.#version === undefined) {
      throw new TallygateError('not_ready', 'The settings of the tenants are not loaded yet. Try again in a moment.');
    }
    return this.#quotas.get(tenantId)?.quota ?? this.#unset;
  }

  /** Whether the settings were loaded once. */
  get isLoaded(): boolean {
    return this.#version !== undefined;
  }

  /** Loads what is new since the last call; everything on the first one, and where the directory went back in time. */
  async refresh(): Promise<void> {
    if (this.#version === undefined) return this.#loadAll();
    const version = await this.#parts.directory.readVersion();
    if (this.#wasRestored) return this.#loadAll();
    if (version === this.#version) return;
    // A lower version than known is a restored database: rows may be gone that no version tells of.
    if (version < this.#version) return this.#loadAll();
    const changed = await this.#parts.directory.loadSince(this.#version);
    if (changed.version < this.#version) return this.#loadAll();
    for (const setting of changed.settings) this.#keep(setting);
    this.#version = changed.version;
  }

  /**
   * Replaces the tenant's setting; what `patch` leaves out returns to its default.
   * @throws TallygateError `invalid_request` with a fault by path (`limits.day`).
   */
  replace(tenantId: string, patch: SettingPatch): Promise<TenantQuota> {
    return this.#change(tenantId, patch, replaceBy);
  }

  /** Merges `patch` into the tenant's setting; null ends an override. Throws as `replace`. */
  merge(tenantId: string, patch: SettingPatch): Promise<TenantQuota> {
    return this.#change(tenantId, patch, applyPatch);
  }

  /**
   * Empties the tenant's setting.
   * @throws TallygateError `tenant_not_found` where the tenant has no usage and nothing was set either.
   */
  async remove(tenantId: string): Promise<TenantQuota> {
    const used = await this.#parts.hasUsage(tenantId);
    return this.#make(tenantId, (present, nowMs) => {
      if (!used && (present === undefined || !isSet(present))) throw tenantNotFound();
      return emptied(present ?? EMPTY_SETTING, nowMs);
    });
  }

  #change(
    tenantId: string,
    patch: SettingPatch,
    apply: (present: StoredSetting, patch: SettingPatch, nowMs: number) => StoredSetting,
  ): Promise<TenantQuota> {
    return this.#make(tenantId, (stored, nowMs) => {
      const present = stored ?? EMPTY_SETTING;
      const next = apply(present, patch, nowMs);
      // A PUT without a plan returns to the default plan, and so names that plan's limits; a PATCH keeps the tenant's own.
      const faults = settingFaults(patch, this.#parts.plans, next.plan ?? this.#parts.defaultPlan);
      if (faults.length > 0) throw invalidRequest(faults);
      if (next.earlierCalendars.length > MAX_CALENDAR_CHANGES) throw tooManyCalendarChanges();
      return next;
    });
  }

  /** Makes a change and puts it in force here at once. */
  async #make(tenantId: string, change: Parameters<TenantDirectory['change']>[1]): Promise<TenantQuota> {
    const versionBefore = this.#version;
    const setting = await this.#parts.directory.change(tenantId, change);
    this.#madeWhileLoading?.push(setting);
    // Versions only grow, so this one is of a directory that was restored, and what is known of the tenant is not: it must not
    // win over the change that was just made. The other settings are loaded anew by the next poll.
    if (versionBefore !== undefined && setting.version <= versionBefore) {
      this.#quotas.delete(tenantId);
      this.#wasRestored = true;
    }
    return this.#keep(setting);
  }

  async #loadAll(): Promise<void> {
    const made: TenantSetting[] = [];
    this.#madeWhileLoading = made;
    try {
      this.#wasRestored = false;
      const all = await this.#parts.directory.loadAll();
      this.#quotas.clear();
      // The snapshot may be older than a change that this process has made, and answered, meanwhile.
      for (const setting of [...all.settings, ...made]) this.#keep(setting);
      this.#version = all.version;
    } catch (error) {
      this.#wasRestored = true;
      throw error;
    } finally {
      this.#madeWhileLoading = undefined;
    }
  }

  /** Keeps the newer of two: this process applies its own change at once, and the poll may still be reading an older row. */
  #keep(setting: TenantSetting): TenantQuota {
    const known = this.#quotas.get(setting.tenantId);
    if (known !== undefined && known.version >= setting.version) return known.quota;
    const quota = this.#quotaFrom(setting);
    this.#quotas.set(setting.tenantId, { quota, version: setting.version });
    return quota;
  }

  #quotaFrom(setting: TenantSetting): TenantQuota {
    // A plan that the configuration no longer has must not leave its tenants without limits: they fall to the default plan.
    const own = setting.plan === undefined ? undefined : this.#parts.plans.get(setting.plan);
    const planSource = own === undefined ? 'default' : 'plan';
    const planned = own ?? this.#parts.plans.get(this.#parts.defaultPlan) ?? [];
    return {
      plan: own === undefined ? this.#parts.defaultPlan : (setting.plan as string),
      planSource,
      hasSetting: isSet(setting),
      calendar: calendarOf(setting),
      limits: effectiveLimits(planned, planSource, setting.limits),
    };
  }
}

const tooManyCalendarChanges = (): TallygateError =>
  invalidRequest([
    {
      location: 'timeZone',
      message: `expected at most ${MAX_CALENDAR_CHANGES} changes of time zone or billing anchor within 200 days; try again later`,
    },
  ]);
