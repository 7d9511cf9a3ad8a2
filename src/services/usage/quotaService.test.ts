import { beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_PLANS } from '../../core/quota/plans.js';
import { EMPTY_SETTING } from '../../core/quota/setting.js';
import type {
  QuotaReset,
  SettingContent,
  SettingsSnapshot,
  TenantDirectory,
  TenantSetting,
} from '../../ports/tenantDirectory.js';
import { QuotaService, type QuotaServiceParts } from './quotaService.js';

/** Rows and their version, as the database has them. */
interface Rows {
  version: number;
  readonly settings: Map<string, TenantSetting>;
}

const copyOf = ({ version, settings }: Rows): Rows => ({ version, settings: new Map(settings) });

class Directory implements TenantDirectory {
  rows: Rows = { version: 0, settings: new Map() };
  readonly reasons: string[] = [];
  /** Runs between the moment of a snapshot and its arrival. */
  meanwhile: () => Promise<unknown> = async () => undefined;

  loadAll = () => this.loadSince(0);
  readVersion = async () => this.rows.version;

  async loadSince(version: number): Promise<SettingsSnapshot> {
    const settings = [...this.rows.settings.values()].filter((setting) => setting.version > version);
    const snapshot = { version: this.rows.version, settings };
    await this.meanwhile();
    return snapshot;
  }

  async change(tenantId: string, change: (present: TenantSetting | undefined, nowMs: number) => SettingContent) {
    const present = this.rows.settings.get(tenantId);
    return this.#write({ ...change(present, now), tenantId, resetNumber: present?.resetNumber ?? 0 });
  }

  async reset(tenantId: string, { reason }: QuotaReset) {
    this.reasons.push(reason);
    const present = this.rows.settings.get(tenantId) ?? { ...EMPTY_SETTING, resetNumber: 0 };
    return this.#write({ ...present, tenantId, resetNumber: present.resetNumber + 1 });
  }

  #write(content: Omit<TenantSetting, 'version'>): TenantSetting {
    this.rows.version += 1;
    const setting = { ...content, version: this.rows.version };
    this.rows.settings.set(setting.tenantId, setting);
    return setting;
  }
}

let directory: Directory;
/** The clock of the database, and of all processes. */
let now: number;
let hasUsage: boolean;
const processOn = (rows: Directory, options: Partial<QuotaServiceParts> = {}): QuotaService =>
  new QuotaService({
    directory: rows,
    plans: DEFAULT_PLANS,
    defaultPlan: 'free',
    enforced: true,
    hasUsage: async () => hasUsage,
    clock: { wallMs: () => now },
    ...options,
  });
const dayOf = (service: QuotaService, tenantId: string) =>
  service.quotaOf(tenantId).limits.find(({ name }) => name === 'day')?.limit;

beforeEach(() => {
  directory = new Directory();
  now = Date.UTC(2026, 10, 24);
  hasUsage = true;
});

test('before the first load nothing is assumed of a tenant', async () => {
  const service = processOn(directory);
  expect(() => service.quotaOf('acme')).toThrow(expect.objectContaining({ code: 'not_ready' }));
  await service.refresh();
  expect(dayOf(service, 'acme')).toBe(5_000);
});

test('a change is in force at once where it was made, and elsewhere with the next poll', async () => {
  const [here, there] = [processOn(directory), processOn(directory)];
  await Promise.all([here.refresh(), there.refresh()]);
  await here.merge('acme', { limits: { day: 7 } });
  expect([dayOf(here, 'acme'), dayOf(there, 'acme')]).toEqual([7, 5_000]);
  await there.refresh();
  expect(dayOf(there, 'acme')).toBe(7);
  await there.remove('acme');
  await here.refresh();
  expect(dayOf(here, 'acme')).toBe(5_000);
});

test('a change made while a poll is reading is not undone by what the poll read before it', async () => {
  const service = processOn(directory);
  await service.refresh();
  await processOn(directory).merge('acme', { limits: { day: 7 } });
  directory.meanwhile = () => service.merge('acme', { limits: { day: 8 } });
  await service.refresh();
  expect(dayOf(service, 'acme')).toBe(8);
});

describe('after a restore of the database', () => {
  let service: QuotaService;

  /** A process that knows a later setting than the database has. */
  beforeEach(async () => {
    service = processOn(directory);
    await service.refresh();
    await service.merge('acme', { limits: { day: 7 } });
    const backup = copyOf(directory.rows);
    for (const day of [8, 9]) await service.merge('acme', { limits: { day } });
    await service.merge('gone', { limits: { day: 1 } });
    await service.refresh();
    directory.rows = backup;
  });

  test('everything is as the database has it, what it no longer has included', async () => {
    await service.refresh();
    expect([dayOf(service, 'acme'), dayOf(service, 'gone')]).toEqual([7, 5_000]);
  });

  test('a change is in force though its version is below the one known, and the answer shows it', async () => {
    const quota = await service.merge('acme', { limits: { day: 3 } });
    expect(quota.limits.find(({ name }) => name === 'day')?.limit).toBe(3);
    expect(dayOf(service, 'acme')).toBe(3);
  });

  test('it is noticed though own changes bring the version back to the one known before the next poll', async () => {
    while (directory.rows.version < 4) await service.merge('acme', { limits: { day: 10 + directory.rows.version } });
    await service.refresh();
    expect([dayOf(service, 'acme'), dayOf(service, 'gone')]).toEqual([13, 5_000]);
  });

  test('a change made while everything is loaded anew stays', async () => {
    directory.meanwhile = () => service.merge('acme', { limits: { day: 2 } });
    await service.refresh();
    expect(dayOf(service, 'acme')).toBe(2);
  });

  test('a load that failed is made again, though the version is the one known by then', async () => {
    directory.meanwhile = () => Promise.reject(new Error('away'));
    await expect(service.refresh()).rejects.toThrow('away');
    directory.meanwhile = async () => undefined;
    directory.rows.version = 4;
    await service.refresh();
    expect(dayOf(service, 'gone')).toBe(5_000);
  });
});
