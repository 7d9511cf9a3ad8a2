// A script that the counters run in Redis, and where a tenant's counters lie: all scripts agree on it.
import { createHash } from 'node:crypto';

/** A script with the name under which a server that knows it is asked for it. */
export interface Script {
  readonly text: string;
  readonly sha1: string;
}

/** Makes a script known by its hash. */
export const scriptOf = (text: string): Script => ({ text, sha1: createHash('sha1').update(text).digest('hex') });

/**
 * The key of a tenant's counters. The encoded id is the hash tag: it holds no brace, so a tenant cannot choose its slot, and
 * no two ids share a key. The prefix must hold no `{`, or that would be the tag.
 */
export const keyOf = (keyPrefix: string, tenantId: string): string => `${tagOf(keyPrefix, tenantId)}:q`;

/** The key of one reservation of a tenant, in the slot of its counters. */
export const reservationKeyOf = (keyPrefix: string, tenantId: string, id: string): string =>
  `${tagOf(keyPrefix, tenantId)}:r:${id}`;

/** The key of what is remembered under a client's key, in the slot of the tenant's counters. @param key hex */
export const rememberedKeyOf = (keyPrefix: string, tenantId: string, key: string): string =>
  `${tagOf(keyPrefix, tenantId)}:k:${key}`;

const tagOf = (keyPrefix: string, tenantId: string): string => `${keyPrefix}{${encodeURIComponent(tenantId)}}`;
