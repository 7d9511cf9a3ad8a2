// What a tenant costs in Redis: tenants with ids as they are in life and four fixed limits, all counting.
import { join } from 'node:path';
import { startProcess } from '../test/servers/childProcess.js';
import { call } from './calls.js';
import type { BenchStores } from './stores.js';

const DEADLINE_MS = 60_000;
/** Charged before, so that what Redis keeps once (the script, buffers) is not counted for the tenants. */
const BEFORE = 1_000;

/** What the filling process is asked. */
export interface FillQuestion {
  /** Charges these tenants, by their position in the list of ids. */
  readonly from: number;
  readonly to: number;
}

/**
 * Bytes of Redis a tenant, over `tenants` of them: the whole growth, the key's place in Redis's own tables included. Divided by the
 * keys that came, since on a busy machine a charge may be let pass without having been counted.
 */
export async function redisBytesPerTenant(stores: BenchStores, env: Readonly<Record<string, string>>, tenants: number) {
  const filler = await startProcess(process.execPath, [join(__dirname, 'fill.js')], {
    env: { ...env, ...stores.environment, REDIS_KEY_PREFIX: 'tg:' },
    ipc: true,
  });
  try {
    await call(filler, { from: 0, to: BEFORE } satisfies FillQuestion, DEADLINE_MS);
    const before = await stores.redisSize();
    await call(filler, { from: BEFORE, to: BEFORE + tenants } satisfies FillQuestion, DEADLINE_MS);
    const after = await stores.redisSize();
    return (after.bytes - before.bytes) / (after.keys - before.keys);
  } finally {
    await filler.end();
  }
}
