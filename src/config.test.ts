import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearestName } from './config/nearestName.js';
import { type Environment, readConfig } from './config.js';
import { TallygateError } from './core/errors.js';

function faultsOf(env: Environment): string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (!(error instanceof TallygateError)) throw error;
    expect(error.code).toBe('invalid_configuration');
    expect(error.message.split('\n')).toHaveLength(error.faults.length);
    return error.faults.map((fault) => `${fault.location}: ${fault.message}`);
  }
  return [];
}

const limitsOf = (env: Environment, plan: string) =>
  Object.fromEntries((readConfig(env).plans.get(plan) ?? []).map((limit) => [limit.name, limit.limit]));

describe('the environment', () => {
  it('needs nothing: every variable has its documented default', () => {
    const { plans, meters, ...config } = readConfig({});
    expect([...meters]).toEqual([]);
    expect([...plans.keys()]).toEqual(['free', 'pro', 'enterprise']);
    expect(config).toEqual({
      database: undefined,
      redis: undefined,
      usageMeterEnabled: true,
      journal: true,
      flushRows: 100,
      flushIntervalMs: 5000,
      defaultPlan: 'free',
      mode: 'strict',
      enforce: true,
      unknownTenants: 'admit',
      onStoreError: 'local',
      storeTimeoutMs: 250,
      headers: 'both',
      tenantHeader: undefined,
      adminToken: undefined,
      port: 3000,
      host: '127.0.0.1',
      dataDir: '.tallygate',
      migrate: false,
      enabled: true,
      metricsPublic: false,
      metricsTenantLabels: false,
      logLevel: 'info',
    });
  });

  it('reads every variable', () => {
    const config = readConfig({
      DATABASE_URL: 'postgres://app:secret@db.example.com/app?schema=billing&sslmode=require',
      REDIS_URL: 'rediss://cache.example.com:6380/2',
      REDIS_MODE: 'single',
      REDIS_KEY_PREFIX: 'two:',
      USAGE_METER_ENABLED: 'false',
      USAGE_METER_BATCH_SIZE: '7',
      USAGE_METER_FLUSH_INTERVAL_MS: '1000',
      QUOTA_DEFAULT_PLAN: 'big_team',
      QUOTA_BIG_TEAM_PER_DAY: '9',
      QUOTA_MODE: 'leased',
      QUOTA_ON_STORE_ERROR: 'allow',
      QUOTA_STORE_TIMEOUT_MS: '5000',
      QUOTA_ENFORCE: 'false',
      QUOTA_HEADERS: 'legacy',
      UNKNOWN_TENANTS: 'deny',
      TENANT_HEADER: 'X-Tenant-Id',
      ADMIN_TOKEN: 'let-me-in',
      PORT: '0',
      HOST: '0.0.0.0',
      TALLYGATE_DATA_DIR: '/var/lib/tallygate',
      TALLYGATE_MIGRATE: 'true',
      TALLYGATE_ENABLED: 'false',
      METRICS_PUBLIC: 'true',
      METRICS_TENANT_LABELS: 'true',
      LOG_LEVEL: 'warn',
      USAGE_METER_JOURNAL: 'false',
      NODE_ENV: 'production',
    });
    expect(config).toMatchObject({
      database: { url: 'postgres://app:secret@db.example.com/app?sslmode=require', schema: 'billing' },
      redis: { servers: { mode: 'single', urls: ['rediss://cache.example.com:6380/2'] }, keyPrefix: 'two:' },
      usageMeterEnabled: false,
      journal: false,
      flushRows: 7,
      flushIntervalMs: 1000,
      defaultPlan: 'big_team',
      mode: 'leased',
      enforce: false,
      unknownTenants: 'deny',
      onStoreError: 'allow',
      storeTimeoutMs: 5000,
      headers: 'legacy',
      tenantHeader: 'x-tenant-id',
      adminToken: 'let-me-in',
      port: 0,
      host: '0.0.0.0',
      dataDir: '/var/lib/tallygate',
      migrate: true,
      enabled: false,
      metricsPublic: true,
      metricsTenantLabels: true,
      logLevel: 'warn',
    });
  });

  it('takes a comma list for the nodes of a cluster, or for sentinels with the name of the master', () => {
    const nodes = ['redis://a.example.com:7000', 'redis://b.example.com:7000'] as const;
    const list = nodes.join(', ');
    expect(readConfig({ REDIS_URL: list, REDIS_MODE: 'cluster' }).redis).toEqual({
      servers: { mode: 'cluster', urls: nodes },
      keyPrefix: 'tg:',
    });
    const sentinels = { REDIS_URL: list, REDIS_MODE: 'sentinel', REDIS_SENTINEL_NAME: 'primary' };
    expect(readConfig(sentinels).redis?.servers).toEqual({ mode: 'sentinel', urls: nodes, sentinelName: 'primary' });
  });

  it('takes an empty variable for an unset one, also an unknown QUOTA_ one', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '', QUOTA_FREE_PER_DAY: '', QUOTA_TYPO: '' })).toEqual(readConfig({}));
  });

  it('acts as 250 ms for a flush interval below it', () => {
    expect(readConfig({ USAGE_METER_FLUSH_INTERVAL_MS: '0' }).flushIntervalMs).toBe(250);
  });
});

describe('plans from the environment', () => {
  it('lay their limits over the defaults, shortest window first', () => {
    const env = { QUOTA_FREE_PER_MONTH: '1000', QUOTA_FREE_PER_DAY: 'unlimited', QUOTA_FREE_PER_HOUR: '0' };
    expect(Object.entries(limitsOf(env, 'free'))).toEqual([
      ['minute', 60],
      ['hour', 0],
      ['day', 'unlimited'],
      ['month', 1000],
    ]);
    expect(limitsOf(env, 'pro')).toEqual({ minute: 300, day: 50_000 });
    const names = readConfig(env)
      .plans.get('free')
      ?.map((limit) => limit.name);
    expect(names).toEqual(['minute', 'hour', 'day', 'month']);
  });

  it('have only what is set for them where they have no defaults', () => {
    expect(limitsOf({ QUOTA_BIG_TEAM_PER_DAY: '5' }, 'big_team')).toEqual({ day: 5 });
    expect(limitsOf({ QUOTA_PAY_PER_USE_PER_WEEK: '7' }, 'pay_per_use')).toEqual({ week: 7 });
  });

  it.each(['-1', '1.5', '1e3', '0x10', ' 60', '60 ', '9007199254740992', 'sixty', 'Unlimited', '٣'])(
    'refuse %j as a number of units',
    (value) => {
      expect(faultsOf({ QUOTA_FREE_PER_MINUTE: value })).toEqual([
        `QUOTA_FREE_PER_MINUTE: expected a whole number from 0 up (at most 9007199254740991) or "unlimited", got ${JSON.stringify(value)}`,
      ]);
    },
  );

  it.each([
    ['QUOTA_FREE_PER_MINUT', 'QUOTA_FREE_PER_MINUTE'],
    ['QUOTA_free_PER_DAY', 'QUOTA_FREE_PER_DAY'],
    ['QUOTA_DEFAULT_PLANS', 'QUOTA_DEFAULT_PLAN'],
    ['QUOTA_ON_STORE_ERORR', 'QUOTA_ON_STORE_ERROR'],
    ['QUOTA__PER_DAY', 'QUOTA_PRO_PER_DAY'],
  ])('know no %s and name %s instead', (name, nearest) => {
    expect(faultsOf({ [name]: '1' })).toEqual([
      `${name}: expected a known QUOTA_ variable, got an unknown one; did you mean ${nearest}?`,
    ]);
  });

  it('suggest nothing where nothing is near', () => {
    expect(faultsOf({ QUOTA_COMPLETELY_DIFFERENT_AND_LONG: '1' })[0]).toContain('plans are QUOTA_<PLAN>_PER_<WINDOW>');
  });

  it('must hold the default plan', () => {
    expect(faultsOf({ QUOTA_DEFAULT_PLAN: 'gold' })).toEqual([
      'QUOTA_DEFAULT_PLAN: expected a known plan (free, pro, enterprise), got "gold"',
    ]);
  });
});

describe('faults of the environment', () => {
  it('are told all at once', () => {
    const env = { PORT: 'http', METRICS_PUBLIC: 'yes', LOG_LEVEL: 'loud', QUOTA_X: '1', REDIS_KEY_PREFIX: 'a{b}' };
    expect(faultsOf(env).map((line) => line.split(':')[0])).toEqual([
      'QUOTA_X',
      'REDIS_KEY_PREFIX',
      'PORT',
      'METRICS_PUBLIC',
      'LOG_LEVEL',
    ]);
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '3000 '],
    ['PORT', '1e3'],
    ['METRICS_PUBLIC', 'TRUE'],
    ['METRICS_PUBLIC', '1'],
    ['QUOTA_HEADERS', 'all'],
    ['QUOTA_MODE', 'loose'],
    ['QUOTA_ON_STORE_ERROR', 'Local'],
    ['QUOTA_ENFORCE', 'no'],
    ['UNKNOWN_TENANTS', 'refuse'],
    ['QUOTA_STORE_TIMEOUT_MS', '0'],
    ['USAGE_METER_BATCH_SIZE', '0'],
    ['TENANT_HEADER', 'x tenant'],
    ['HOST', 'http://localhost'],
    ['REDIS_MODE', 'many'],
  ])('name %s=%s, with what was expected and what was found', (name, value) => {
    const faults = faultsOf({ [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(new RegExp(`^${name}: expected .+, got ${JSON.stringify(value)}$`));
  });

  it.each([
    ['DATABASE_URL', 'mysql://app:hunter2@db.example.com/app'],
    ['DATABASE_URL', 'app:hunter2@db.example.com'],
    ['DATABASE_URL', 'hunter2'],
    ['DATABASE_URL', 'postgres://app:hunter2@db.example.com/app?schema=a&schema=b'],
    ['DATABASE_URL', 'postgres://app:hunter2@db.example.com/app?schema=pg_catalog'],
    ['REDIS_URL', 'http://:hunter2@cache.example.com'],
    ['REDIS_URL', 'redis://:hunter2@a.example.com,redis://b.example.com'],
    ['ADMIN_TOKEN', 'hunter2 hunter2'],
  ])('never show the secret in %s', (name, value) => {
    const faults = faultsOf({ [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(new RegExp(`^${name}: `));
    expect(faults.join()).not.toContain('hunter2');
  });

  it.each([
    [{ REDIS_MODE: 'cluster' }, ['REDIS_URL']],
    [{ REDIS_MODE: 'sentinel' }, ['REDIS_SENTINEL_NAME', 'REDIS_URL']],
    [{ REDIS_MODE: 'sentinel', REDIS_URL: 'redis://a,http://b' }, ['REDIS_SENTINEL_NAME', 'REDIS_URL']],
    [{ REDIS_SENTINEL_NAME: 'primary', REDIS_URL: 'redis://a' }, ['REDIS_SENTINEL_NAME']],
    [{ REDIS_URL: 'redis://a,redis://b' }, ['REDIS_URL']],
  ])('name what of Redis does not fit together: %o', (env, names) => {
    expect(faultsOf(env).map((line) => line.split(':')[0])).toEqual(names);
  });

  it('refuse the embedded database in production unless it is allowed by name', () => {
    expect(faultsOf({ NODE_ENV: 'production' })).toEqual([expect.stringContaining('TALLYGATE_EMBEDDED=true')]);
    expect(faultsOf({ NODE_ENV: 'production', TALLYGATE_EMBEDDED: 'true' })).toEqual([]);
    expect(faultsOf({ NODE_ENV: 'production', DATABASE_URL: 'postgresql://db.example.com/app' })).toEqual([]);
    expect(faultsOf({ NODE_ENV: 'test' })).toEqual([]);
  });
});

describe('nearestName', () => {
  it('measures a distance: symmetric, zero for equal texts only, never above the longer length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });

  it('finds nothing for a word that is far from all', () => {
    expect(nearestName('PORT', ['HOSTNAME', 'QUOTA_MODE'])).toBeUndefined();
  });
});
