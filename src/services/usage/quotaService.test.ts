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

test('a change made while everything is loaded for the first time stays, also where the load has read it already', async () => {
  const service = processOn(directory);
  await service.merge('acme', { limits: { day: 7 } });
  directory.meanwhile = () => service.merge('acme', { limits: { day: 8 } });
  const snapshotWithIt = directory.loadSince;
  directory.loadSince = async (version) => {
    await service.merge('acme', { limits: { day: 9 } });
    return snapshotWithIt.call(directory, version);
  };
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

describe('an override with an end', () => {
  const timed = { limits: { day: { limit: 7, until: '2026-11-24T00:00:10Z' } } };

  test('ends at its instant in every process, without a poll, and what hangs on the quota ends with it', async () => {
    const [here, there] = [processOn(directory), processOn(directory)];
    await here.refresh();
    await here.merge('acme', timed);
    await there.refresh();
    const quotas = [here.quotaOf('acme'), there.quotaOf('acme')];
    now += 9_999;
    expect([here.quotaOf('acme'), there.quotaOf('acme')]).toEqual(quotas);
    expect(here.quotaOf('acme')).toBe(quotas[0]);
    directory.meanwhile = () => expect.fail('polled');
    now += 1;
    expect([dayOf(here, 'acme'), dayOf(there, 'acme')]).toEqual([5_000, 5_000]);
    expect(there.quotaOf('acme')).not.toBe(quotas[1]);
    expect(there.quotaOf('acme')).toBe(there.quotaOf('acme'));
  });

  test('that lies in the past is refused by the clock of the database, and nothing changes', async () => {
    const service = processOn(directory, { clock: { wallMs: () => 0 } });
    await service.refresh();
    now += 10_000;
    await expect(service.merge('acme', timed)).rejects.toMatchObject({
      code: 'invalid_request',
      faults: [{ location: 'limits.day.until', message: expect.stringContaining('to come') }],
    });
    expect(directory.rows.version).toBe(0);
  });

  test('with an unknown zone beside it is refused for the zone, where no date can be placed', async () => {
    const service = processOn(directory);
    await service.refresh();
    const patch = { limits: { day: { limit: 7, until: '2027-01-31' } }, timeZone: 'Mars/Olympus' };
    await expect(service.merge('acme', patch)).rejects.toMatchObject({ faults: [{ location: 'timeZone' }] });
  });
});

describe('a reset', () => {
  const RESET = { reason: 'our outage', author: 'cli' };

  test('is in force at once where it was made and elsewhere with the next poll, in a quota of its own', async () => {
    const [here, there] = [processOn(directory), processOn(directory)];
    await Promise.all([here.refresh(), there.refresh()]);
    await here.merge('acme', { limits: { day: 7 } });
    await there.refresh();
    const before = there.quotaOf('acme');
    expect(before).toMatchObject({ resetNumber: 0, version: 1 });
    expect(await here.reset('acme', RESET)).toMatchObject({ resetNumber: 1, version: 2 });
    await there.refresh();
    expect(there.quotaOf('acme')).toMatchObject({ resetNumber: 1, version: 2, limits: before.limits });
    expect(there.quotaOf('acme')).not.toBe(before);
  });

  test('outlives every change of the setting', async () => {
    const service = processOn(directory);
    await service.refresh();
    await service.merge('acme', { plan: 'pro' });
    await service.reset('acme', RESET);
    await service.replace('acme', { plan: 'free' });
    await service.remove('acme');
    expect(service.quotaOf('acme')).toMatchObject({ resetNumber: 1, hasSetting: false, known: false, version: 4 });
  });

  test('makes no setting of a tenant that has only usage', async () => {
    const service = processOn(directory);
    await service.refresh();
    expect(await service.reset('used', RESET)).toMatchObject({ resetNumber: 1, hasSetting: false, known: false });
    hasUsage = false;
    await expect(service.remove('used')).rejects.toMatchObject({ code: 'tenant_not_found' });
  });

  test('of a tenant that does not exist, or without a reason, changes nothing', async () => {
    hasUsage = false;
    const service = processOn(directory);
    await service.refresh();
    await expect(service.reset('nobody', RESET)).rejects.toMatchObject({ code: 'tenant_not_found' });
    await service.merge('acme', { plan: 'pro' });
    const unreasoned = service.reset('acme', { ...RESET, reason: ' ' });
    await expect(unreasoned).rejects.toMatchObject({ code: 'invalid_request', faults: [{ location: 'reason' }] });
    expect([directory.rows.version, directory.reasons]).toEqual([1, []]);
  });
});

test('where nothing is enforced every limit that would refuse is a shadow, for tenants with and without a setting', async () => {
  const service = processOn(directory, { enforced: false });
  await service.refresh();
  await service.merge('acme', { limits: { day: 7 } });
  for (const tenantId of ['acme', 'nobody']) {
    expect(service.quotaOf(tenantId).limits.map(({ enforce }) => enforce)).toEqual(['shadow', 'shadow']);
  }
});

test('a tenant is known by its setting alone', async () => {
  const service = processOn(directory);
  await service.refresh();
  expect(service.quotaOf('acme')).toMatchObject({ known: false, version: 0, resetNumber: 0 });
  await service.replace('acme', {});
  expect(service.quotaOf('acme').known).toBe(true);
});

test('an override may name the limits of the plan that resolvePlan names, in place of the stored one', async () => {
  const plans = new Map([
    ...DEFAULT_PLANS,
    ['special', [{ name: 'burst', limit: 5, window: { seconds: 10 } }] as const],
  ]);
  const service = processOn(directory, {
    plans,
    resolvedPlanOf: (tenantId) => (tenantId === 'vip' ? 'special' : undefined),
  });
  await service.refresh();
  await service.merge('vip', { plan: 'pro', limits: { burst: 9 } });
  expect(service.quotaWithPlan('vip', 'special').limits).toMatchObject([
    { name: 'burst', limit: 9, source: 'override' },
  ]);
  expect(service.quotaOf('vip').limits.map(({ name }) => name)).toEqual(['minute', 'day']);
  await expect(service.merge('acme', { limits: { burst: 9 } })).rejects.toMatchObject({ code: 'invalid_request' });
});
