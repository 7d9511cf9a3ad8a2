import { describe, expect, it } from 'vitest';
import type { Fault, TallygateError } from '../core/errors.js';
import { readOptions, type TallygateOptions } from './options.js';

const pool = { connect: () => Promise.reject(new Error('never connected')) };

function faultsOf(options: object, env: Record<string, string> = {}): readonly Fault[] {
  try {
    readOptions(options as TallygateOptions, env);
  } catch (error) {
    return (error as TallygateError).faults;
  }
  return [];
}

it('options that are no object are refused, not read as none', () => {
  for (const wrong of [null, 5, 'redis://h:1'] as unknown[]) {
    expect(faultsOf(wrong as object).map(({ location }) => location)).toEqual(['createTallygate']);
  }
});

describe('an option left out means what its variable says', () => {
  it('database, Redis with its prefix, plans, policy', () => {
    const env = {
      DATABASE_URL: 'postgresql://u@h/d?schema=usage',
      REDIS_URL: 'redis://h:1',
      REDIS_KEY_PREFIX: 'x:',
      QUOTA_FREE_PER_DAY: '7',
      QUOTA_ON_STORE_ERROR: 'allow',
    };
    const { config, database, redis } = readOptions({}, env);
    expect(database).toEqual({ kind: 'address', address: { url: 'postgresql://u@h/d', schema: 'usage' } });
    expect(redis).toEqual({ server: { mode: 'single', urls: ['redis://h:1'] }, keyPrefix: 'x:' });
    expect(config.plans.get('free')?.find(({ name }) => name === 'day')?.limit).toBe(7);
    expect(config.onStoreError).toBe('allow');
  });

  it('without a database it is the embedded one, in an absolute folder', () => {
    const { database } = readOptions({}, { TALLYGATE_DATA_DIR: '/data' });
    expect(database).toEqual({ kind: 'embedded', folder: '/data', schema: 'tallygate' });
  });
});

describe('an option that is given', () => {
  it('wins over its variable, also over one that is at fault', () => {
    const env = { DATABASE_URL: 'mysql://h/d', NODE_ENV: 'production', QUOTA_ON_STORE_ERROR: 'lokal' };
    const { config, database } = readOptions({ database: pool, schema: 'mine', onStoreError: 'deny' }, env);
    expect(database).toEqual({ kind: 'pool', pool, schema: 'mine' });
    expect(config.onStoreError).toBe('deny');
  });

  it('of plans is laid over those of the environment, and names the default one', () => {
    const plans = { starter: [{ name: 'day', window: 'day', limit: 3 }] } as const;
    const { config } = readOptions({ plans }, { QUOTA_DEFAULT_PLAN: 'starter' });
    expect(config.defaultPlan).toBe('starter');
    expect([...config.plans.keys()]).toEqual(['free', 'pro', 'enterprise', 'starter']);
  });

  it('of meters stands in the place of its variable, right or wrong, and is copied', () => {
    const meters = { tokens: { kind: 'counter', unit: 'token' } } as const;
    const { config } = readOptions({ meters }, { USAGE_METERS: 'seats' });
    expect(Object.fromEntries(config.meters)).toEqual(meters);
    expect(config.meters.get('tokens')).not.toBe(meters.tokens);
    expect([...readOptions({}, { USAGE_METERS: 'seats:level:seat' }).config.meters.keys()]).toEqual(['seats']);
    expect(readOptions({ meters: {} }, { USAGE_METERS: 'seats:level:seat' }).config.meters.size).toBe(0);
  });

  it('says what its variable says: mode, enforcement, unknown tenants, outage policy', () => {
    const env = { QUOTA_MODE: 'strict', QUOTA_ENFORCE: 'true', UNKNOWN_TENANTS: 'admit', QUOTA_ON_STORE_ERROR: 'deny' };
    const options = { mode: 'leased', enforce: false, unknownTenants: 'deny', onStoreError: 'local' } as const;
    expect(readOptions(options, env).config).toMatchObject(options);
    const otherwise = { mode: 'strict', enforce: true, unknownTenants: 'admit', onStoreError: 'local' };
    expect(readOptions({}, {}).config).toMatchObject(otherwise);
    expect(readOptions({ enforce: true }, { QUOTA_ENFORCE: 'false' }).config.enforce).toBe(true);
  });

  it('of Redis as a client keeps the prefix of the environment, and nothing else of its Redis', () => {
    const client = { isReady: false, duplicate: () => expect.fail('nothing is opened') };
    const env = { REDIS_KEY_PREFIX: 'y:', REDIS_MODE: 'sentinel', REDIS_SENTINEL_NAME: 'primary' };
    const { redis } = readOptions({ redis: client }, env);
    expect(redis).toEqual({ server: client, keyPrefix: 'y:' });
  });
});

describe('faults', () => {
  it('are told all at once, each at its option or variable', () => {
    const options = {
      databse: 'typo',
      database: 'mysql://u:secret@h/d',
      redis: 'http://h',
      onStoreError: 'ignore',
      mode: 'lazy',
      enforce: 'no',
      unknownTenants: true,
      resolvePlan: 'free',
      collectStorage: { everyMinutes: 5 },
      defaultPlan: 'gold',
      schema: 'pg_x',
      resolveTenant: 'acme',
      plans: { free: [{ name: 'day', window: 'minute', limit: -1 }] },
      meters: { units: { kind: 'counter', unit: 'unit' }, tokens: { kind: 'gauge', unit: '' } },
    };
    const faults = faultsOf(options, { PORT: 'eighty' });
    expect(faults.map(({ location }) => location).sort()).toEqual(
      [
        'databse',
        'database',
        'redis',
        'onStoreError',
        'mode',
        'enforce',
        'unknownTenants',
        'resolvePlan',
        'collectStorage.collect',
        'schema',
        'resolveTenant',
        'plans.free[0].limit',
        'plans.free[0].window',
        'meters.units',
        'meters.tokens.kind',
        'meters.tokens.unit',
        'PORT',
      ].sort(),
    );
    expect(JSON.stringify(faults)).not.toContain('secret');
  });

  it('of the default plan wait for the plans to be right, and then name them', () => {
    expect(faultsOf({ defaultPlan: 'gold' })).toEqual([
      { location: 'defaultPlan', message: 'expected a known plan (free, pro, enterprise), got "gold"' },
    ]);
  });

  it.each([null, [], 'tokens', 7])('meters that are no object: %s', (meters) => {
    expect(faultsOf({ meters }).map(({ location }) => location)).toEqual(['meters']);
  });

  it.each([{}, 7, null])('a database that is no pool: %s', (database) => {
    expect(faultsOf({ database }).map(({ location }) => location)).toContain('database');
  });
});
