// A pool over an embedded database of its own, in a folder that was made once a run: 0.3 s instead of the 3 s of a first start.
import { lockDatabase } from '../../src/embedded/databaseLock.js';
import { openEmbeddedPostgres } from '../../src/embedded/embeddedPostgres.js';
import { createStreamPool, type OwnedPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { embeddedDataFolder } from '../servers/embeddedFolder.js';

export interface EmbeddedPool {
  readonly pool: OwnedPostgresPool;
  close(): Promise<void>;
}

/** An empty one: nothing is migrated yet. */
export async function embeddedPool(): Promise<EmbeddedPool> {
  const database = await openEmbeddedPostgres(lockDatabase(await embeddedDataFolder()));
  const pool = createStreamPool(database.poolOptions);
  return {
    pool,
    close: async () => {
      await pool.end();
      await database.close();
    },
  };
}
