// Which limits hold for a tenant: its plan, its overrides, its calendar. All settings are in memory, loaded at start and then
// followed by version, so that a decision asks nobody; a tenant without a setting costs neither a query nor memory.
import { type Fault, invalidRequest, TallygateError, tenantNotFound } from '../../core/errors.js';
import {
  applyPatch,
  calendarOf,
  EMPTY_SETTING,
  emptied,
  isSet,
  MAX_CALENDAR_CHANGES,
  merged,
  replaceBy,
  type SettingPatch,
  type StoredSetting,
} from '../../core/quota/setting.js';
import { resetFaults, settingFaults } from '../../core/quota/settingFaults.js';
import type { Clock } from '../../ports/clock.js';
import type { QuotaReset, TenantDirectory, TenantSetting } from '../../ports/tenantDirectory.js';
import { NO_SETTING, type QuotaRules, type TenantQuota, tenantQuotaOf } from './tenantQuota.js';

export type { TenantQuota } from './tenantQuota.js';

/** What the service needs. */
export interface QuotaServiceParts extends QuotaRules {
  readonly directory: TenantDirectory;
  /** Whether the tenant has usage: such a tenant exists, also without a setting. */
  readonly hasUsage: (tenantId: string) => Promise<boolean>;
  /** The plan that the app's `resolvePlan` named last; undefined where it named none, or there is no such option. */
  readonly resolvedPlanOf?: (tenantId: string) => string | undefined;
  readonly clock: Pick<Clock, 'wallMs'>;
}

/** What is known of a tenant that has a row. */
interface Held {
  readonly setting: TenantSetting;
  readonly quota: TenantQuota;
}

/** See the head of this file. */
export class QuotaService {
  readonly #parts: QuotaServiceParts;
  readonly #unset: TenantQuota;
  /** Quotas of tenants without a row, by the plan that `resolvePlan` gave them: as many as there are plans. */
  readonly #unsetByPlan = new Map<string, TenantQuota>();
  readonly #held = new Map<string, Held>();
  /** The directory's version up to which everything is loaded; undefined before the first load. */
  #version: number | undefined;
  /** A directory that went back in time was noticed, and is not loaded anew yet: its versions may have caught up since. */
  #wasRestored = false;
  /** Own changes during a load of everything; undefined while none runs. */
  #madeWhileLoading: TenantSetting[] | undefined;

  constructor(parts: QuotaServiceParts) {
    this.#parts = parts;
    this.#unset = tenantQuotaOf(NO_SETTING, parts, 0);
  }

  /**
   * What holds for the tenant now, by its stored plan. One object as long as nothing changes.
   * @throws TallygateError `not_ready` before the settings were loaded once: no default plan is assumed until then.
   */
  quotaOf(tenantId: string): TenantQuota {
    if (this.#version === undefined) {
      throw new TallygateError('not_ready', 'The settings of the tenants are not loaded yet. Try again in a moment.');
    }
    const held = this.#held.get(tenantId);
    if (held === undefined) return this.#unset;
    return this.#hasEnded(held.quota) ? this.#hold(held.setting) : held.quota;
  }

  /** What holds for the tenant where `plan`, one that is configured, stands in place of the stored one. */
  quotaWithPlan(tenantId: string, plan: string): TenantQuota {
    const held = this.#held.get(tenantId);
    if (held !== undefined) return tenantQuotaOf(held.setting, this.#parts, this.#parts.clock.wallMs(), plan);
    const known = this.#unsetByPlan.get(plan);
    if (known !== undefined) return known;
    const made = tenantQuotaOf(NO_SETTING, this.#parts, 0, plan);
    this.#unsetByPlan.set(plan, made);
    return made;
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
    return this.#change(tenantId, patch, { base: () => EMPTY_SETTING, apply: replaceBy });
  }

  /** Merges `patch` into the tenant's setting; null ends an override. Throws as `replace`. */
  merge(tenantId: string, patch: SettingPatch): Promise<TenantQuota> {
    return this.#change(tenantId, patch, { base: (present) => present, apply: applyPatch });
  }

  /**
   * Empties the tenant's setting.
   * @throws TallygateError `tenant_not_found` where the tenant has no usage and nothing was set either.
   */
  async remove(tenantId: string): Promise<TenantQuota> {
    const used = await this.#parts.hasUsage(tenantId);
    return this.#make(
      this.#parts.directory.change(tenantId, (present, nowMs) => {
        if (!used && (present === undefined || !isSet(present))) throw tenantNotFound();
        return emptied(present ?? EMPTY_SETTING, nowMs);
      }),
    );
  }

  /**
   * Lets what the tenant used count as 0 from now on, in every window. Throws as `remove`.
   * @param reset a reason of 1 to 500 characters, an author of 1 to 256
   */
  async reset(tenantId: string, reset: QuotaReset): Promise<TenantQuota> {
    refuse(resetFaults(reset));
    if (!this.quotaOf(tenantId).hasSetting && !(await this.#parts.hasUsage(tenantId))) throw tenantNotFound();
    return this.#make(this.#parts.directory.reset(tenantId, reset));
  }

  #change(tenantId: string, patch: SettingPatch, { base, apply }: Change): Promise<TenantQuota> {
    const { directory, plans, defaultPlan, resolvedPlanOf } = this.#parts;
    return this.#make(
      directory.change(tenantId, (stored, nowMs) => {
        const present = stored ?? EMPTY_SETTING;
        // A PUT without a plan returns to the default plan, and so names that plan's limits; a PATCH keeps the tenant's own.
        const planAfter = resolvedPlanOf?.(tenantId) ?? merged(base(present).plan, patch.plan) ?? defaultPlan;
        refuse(settingFaults(patch, { plans, planAfter }));
        const next = apply(present, patch, nowMs);
        refuse(settingFaults(patch, { plans, planAfter, moment: { nowMs, calendar: calendarOf(next) } }));
        if (next.earlierCalendars.length > MAX_CALENDAR_CHANGES) throw tooManyCalendarChanges();
        return next;
      }),
    );
  }

  /** Puts a change that is being made in force here as soon as it is. */
  async #make(change: Promise<TenantSetting>): Promise<TenantQuota> {
    const versionBefore = this.#version;
    const setting = await change;
    this.#madeWhileLoading?.push(setting);
    // Versions only grow, so this one is of a directory that was restored, and what is known of the tenant is not: it must not
    // win over the change that was just made. The other settings are loaded anew by the next poll.
    if (versionBefore !== undefined && setting.version <= versionBefore) {
      this.#held.delete(setting.tenantId);
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
      this.#held.clear();
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
    const known = this.#held.get(setting.tenantId);
    if (known !== undefined && known.setting.version >= setting.version) return known.quota;
    return this.#hold(setting);
  }

  /** A quota of its own, so that what hangs on the one before ends: at a change, and at the end of an override. */
  #hold(setting: TenantSetting): TenantQuota {
    const quota = tenantQuotaOf(setting, this.#parts, this.#parts.clock.wallMs());
    this.#held.set(setting.tenantId, { setting, quota });
    return quota;
  }

  #hasEnded({ validUntilMs }: TenantQuota): boolean {
    return validUntilMs !== Number.POSITIVE_INFINITY && this.#parts.clock.wallMs() >= validUntilMs;
  }
}

/** How a patch is laid over what is there. */
interface Change {
  /** What the patch is laid over. */
  readonly base: (present: StoredSetting) => StoredSetting;
  readonly apply: (present: StoredSetting, patch: SettingPatch, nowMs: number) => StoredSetting;
}

function refuse(faults: readonly Fault[]): void {
  if (faults.length > 0) throw invalidRequest(faults);
}

const tooManyCalendarChanges = (): TallygateError =>
  invalidRequest([
    {
      location: 'timeZone',
      message: `expected at most ${MAX_CALENDAR_CHANGES} changes of time zone or billing anchor within 200 days; try again later`,
    },
  ]);
