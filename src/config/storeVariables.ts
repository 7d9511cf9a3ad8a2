// Where usage and counters are kept: DATABASE_URL with its ?schema=, REDIS_URL, and what belongs to them.
import { REDIS_MODES, type RedisMode, type RedisServers, redisUrls, redisUrlsFault } from '../core/redisServers.js';
import { DEFAULT_SCHEMA, schemaFault } from '../core/schemaName.js';
import type { EnvironmentReader } from './environment.js';

/** A PostgreSQL database and the schema in it. */
export interface DatabaseAddress {
  /** The connection URL without `?schema=`, which is Prisma's convention and unknown to PostgreSQL. Holds a password. */
  readonly url: string;
  readonly schema: string;
}

/** Undefined: the embedded database. */
export function readDatabase(reader: EnvironmentReader): DatabaseAddress | undefined {
  const name = 'DATABASE_URL';
  const url = readUrl(reader, name, ['postgres:', 'postgresql:']);
  if (url === undefined) {
    refuseEmbeddedInProduction(reader);
    return undefined;
  }
  const schemas = url.searchParams.getAll('schema');
  const schema = schemas[0] ?? DEFAULT_SCHEMA;
  if (schemas.length > 1) reader.fault(name, `expected one ?schema=, got ${schemas.length}`);
  const fault = schemaFault(schema);
  if (schemas.length < 2 && fault !== undefined) reader.fault(name, `?schema=: ${fault}`);
  url.searchParams.delete('schema');
  return { url: url.href, schema };
}

/** A container would bill into a disk that the next deploy throws away. */
function refuseEmbeddedInProduction(reader: EnvironmentReader): void {
  const embedded = reader.flag('TALLYGATE_EMBEDDED', false);
  // A faulty URL has been told already.
  if (reader.text('DATABASE_URL') !== undefined || embedded || reader.text('NODE_ENV') !== 'production') return;
  reader.fault(
    'DATABASE_URL',
    'expected a PostgreSQL URL with NODE_ENV=production, got nothing; TALLYGATE_EMBEDDED=true allows the embedded database, on a disk that outlives the deploy',
  );
}

/** Redis, and where the counters lie in it. */
export interface RedisAddress {
  readonly servers: RedisServers;
  /** Begins every key of ours. */
  readonly keyPrefix: string;
}

/** Undefined: counters in the process. */
export function readRedis(reader: EnvironmentReader): RedisAddress | undefined {
  const mode = reader.choice('REDIS_MODE', REDIS_MODES, 'single');
  const sentinelName = readSentinelName(reader, mode);
  // Braces are the hash tag by which a tenant's keys stay on one node: a prefix with its own would put all tenants on one.
  const keyPrefix = reader.matching('REDIS_KEY_PREFIX', /^[^{}\0]{1,100}$/, 'at most 100 characters without { and }');
  const text = reader.text('REDIS_URL');
  if (text === undefined) {
    if (mode !== 'single') reader.expected('REDIS_URL', `redis:// or rediss://… with REDIS_MODE=${mode}`, undefined);
    return undefined;
  }
  const [first, ...others] = redisUrls(text);
  const fault = redisUrlsFault(redisUrls(text), mode);
  if (fault !== undefined) reader.fault('REDIS_URL', fault);
  if (fault !== undefined || first === undefined) return undefined;
  return { servers: { mode, urls: [first, ...others], sentinelName }, keyPrefix: keyPrefix ?? 'tg:' };
}

function readSentinelName(reader: EnvironmentReader, mode: RedisMode): string | undefined {
  const name = 'REDIS_SENTINEL_NAME';
  const sentinelName = reader.matching(name, /^[\w.-]{1,100}$/, 'at most 100 letters, digits, ".", "_" and "-"');
  const given = reader.text(name) !== undefined;
  if (mode === 'sentinel' && !given)
    reader.expected(name, 'the name of the master that the sentinels watch, with REDIS_MODE=sentinel', undefined);
  if (mode !== 'sentinel' && given)
    reader.fault(name, `expected with REDIS_MODE=sentinel only, got REDIS_MODE=${mode}`);
  return sentinelName;
}

function readUrl(reader: EnvironmentReader, name: string, schemes: readonly string[]): URL | undefined {
  const text = reader.text(name);
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && schemes.includes(url.protocol)) return url;
  // A URL holds a password, and one that cannot be parsed may hold it anywhere: nothing of it but the scheme is shown.
  const got = url === undefined ? 'something that is no URL' : `a URL of scheme ${url.protocol}//`;
  reader.fault(name, `expected ${schemes.map((scheme) => `${scheme}//`).join(' or ')}…, got ${got} (not shown)`);
  return undefined;
}
