// `collectStorage` of apps on real ledgers: what it tells is what is reported, once a period for the whole fleet.
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type CollectionRunContext,
  createTallygate,
  sumTableStorage,
  type Tallygate,
  type TallygateOptions,
} from '../../src/index.js';
import { systemClock } from '../../src/ports/clock.js';
import { silentObserver } from '../../src/ports/observer.js';
import { StorageCollector } from '../../src/services/metering/storageCollector.js';
import { postgresCollections } from '../../src/stores/postgres/postgresCollections.js';
import { createPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { embeddedDataFolder } from '../servers/embeddedFolder.js';
import { until } from '../servers/until.js';

/** For a busy machine. */
const PATIENCE_MS = 50_000;

let database: TestDatabase;
let client: pg.Client;
let embedded: string;
const open = new Set<Tallygate>();

beforeAll(async () => {
  database = await createMigratedDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  embedded = await embeddedDataFolder();
}, 330_000);
beforeEach(async () => {
  await client.query('DELETE FROM tallygate.storage_collection; DELETE FROM tallygate.collected_storage');
});
afterEach(async () => {
  await Promise.all([...open].map((tallygate) => tallygate.close()));
  open.clear();
});
afterAll(async () => {
  await client?.end();
  await database?.drop();
});

/** An app that is in use, so that it has started. */
async function app(options: TallygateOptions): Promise<Tallygate> {
  const tallygate = createTallygate({ database: database.url, ...options });
  open.add(tallygate);
  await tallygate.quota.peek('anybody');
  return tallygate;
}

const collectedBy = async (tallygate: Tallygate, outcome: string): Promise<number> => {
  const line = new RegExp(`^tallygate_storage_collections_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm');
  return Number(line.exec(await tallygate.metrics())?.[1]);
};

const collected = (tallygate: Tallygate) =>
  until(async () => (await collectedBy(tallygate, 'collected')) > 0, { deadlineMs: PATIENCE_MS, what: 'a collection' });

/** An hour goes by, by the clock of the ledger: the last run is that much older. */
const anHourPasses = () =>
  client.query(`UPDATE tallygate.storage_collection SET collected_at = collected_at - interval '1 hour'`);

/** The last level that the ledger has of a tenant. */
async function levelOf(tenantId: string): Promise<number> {
  const { rows } = await client.query(
    `SELECT storage_last_bytes FROM tallygate.tenant_usage
     WHERE tenant_id = $1 AND storage_last_at IS NOT NULL ORDER BY usage_date DESC LIMIT 1`,
    [tenantId],
  );
  return Number(rows[0]?.storage_last_bytes);
}

test('sums of tables are what tenants store, and who is gone stores nothing, also after the process has changed', async () => {
  await client.query(`
    CREATE TABLE files (tenant_id text, size_bytes bigint);
    INSERT INTO files SELECT 'file-' || n % 3, n FROM generate_series(1, 1000) AS n`);
  const collectStorage = sumTableStorage({
    tables: [{ table: 'files', tenantColumn: 'tenant_id', bytes: 'size_bytes' }],
  });
  const first = await app({ collectStorage });
  await collected(first);
  const { rows } = await client.query('SELECT tenant_id, sum(size_bytes)::text AS bytes FROM files GROUP BY 1');
  expect(rows).toHaveLength(3);
  for (const { tenant_id, bytes } of rows) expect(await levelOf(tenant_id)).toBe(Number(bytes));
  await first.close();
  await client.query(
    `DELETE FROM files WHERE tenant_id = 'file-1'; UPDATE files SET size_bytes = 7 WHERE tenant_id = 'file-2'`,
  );
  await anHourPasses();
  const second = await app({ collectStorage });
  await collected(second);
  expect(await levelOf('file-1')).toBe(0);
  expect(await levelOf('file-2')).toBe(7 * 333);
});

test('a fleet that starts at once collects once', async () => {
  let runs = 0;
  const collectStorage = () => {
    runs += 1;
    return [['fleet', runs]] as const;
  };
  const apps = await Promise.all(Array.from({ length: 4 }, () => app({ collectStorage })));
  await until(async () => (await Promise.all(apps.map((one) => collectedBy(one, 'collected')))).includes(1), {
    deadlineMs: PATIENCE_MS,
    what: 'a collection by one of the four',
  });
  await Promise.all(apps.map((one) => one.close()));
  expect([runs, await rowOfCollection()]).toEqual([1, { run_number: '1', finished_run: '1', failures: 0 }]);
});

test('four processes collect once a period, one after the other', async () => {
  const everyMs = 1_500;
  const runs: { by: number; begun: number; ended: number }[] = [];
  let underWay = 0;
  let mostAtOnce = 0;
  const pools = Array.from({ length: 4 }, () => createPostgresPool({ url: database.url }));
  const collectors = pools.map((pool, by) => {
    const collections = postgresCollections(pool, { schema: 'tallygate' });
    return new StorageCollector({
      ...{ collections, everyMs, clock: systemClock, observer: silentObserver },
      collect: async function* () {
        underWay += 1;
        mostAtOnce = Math.max(mostAtOnce, underWay);
        const begun = Date.now();
        yield ['periods', 1];
        underWay -= 1;
        runs.push({ by, begun, ended: Date.now() });
      },
      record: () => {},
      flush: async () => {},
      onCollected: () => {},
      onFailure: () => {},
    });
  });
  try {
    for (const collector of collectors) collector.start();
    await until(() => runs.length >= 4, { deadlineMs: PATIENCE_MS, what: 'four runs' });
  } finally {
    await Promise.all(collectors.map((collector) => collector.end()));
    await Promise.all(pools.map((pool) => pool.end()));
  }
  expect(mostAtOnce).toBe(1);
  const pauses = runs.slice(1).map(({ begun }, index) => begun - (runs[index]?.begun ?? 0));
  // By the ledger's clock a whole period lies between claims; a claim is read some milliseconds after it was made.
  for (const pauseMs of pauses) expect(pauseMs).toBeGreaterThan(everyMs / 2);
  const { run_number } = await rowOfCollection();
  expect(Number(run_number)).toBeGreaterThanOrEqual(runs.length);
});

const rowOfCollection = async () =>
  (await client.query('SELECT run_number, finished_run, failures FROM tallygate.storage_collection')).rows[0];

test('a function that fails harms nothing but its run', async () => {
  const tallygate = await app({
    collectStorage: () => {
      throw new RangeError('no such bucket');
    },
  });
  await until(async () => (await collectedBy(tallygate, 'failed')) === 1, { deadlineMs: PATIENCE_MS });
  expect(await rowOfCollection()).toEqual({ run_number: '1', finished_run: '0', failures: 1 });
  await tallygate.usage.record('unharmed', { apiCalls: 1 });
  await tallygate.flush();
  expect((await tallygate.usage.query('unharmed')).totals.apiCalls).toBe(1);
});

test('close breaks a run off that does not end, within its deadline, and the next process takes it', async () => {
  let signal: AbortSignal | undefined;
  const first = await app({
    collectStorage: (run) => {
      signal = run.signal;
      return new Promise(() => {});
    },
  });
  await until(() => signal !== undefined, { deadlineMs: PATIENCE_MS });
  expect(await first.close({ deadlineMs: 5_000 })).toBe(0);
  expect(signal?.aborted).toBe(true);
  const next = await app({ collectStorage: { collect: () => new Map([['next', 5]]), everyMinutes: 1 } });
  await collected(next);
  expect(await levelOf('next')).toBe(5);
});

test('nothing is collected where metering or the whole of it is switched off', async () => {
  let runs = 0;
  const collectStorage = () => {
    runs += 1;
    return [];
  };
  for (const variable of ['USAGE_METER_ENABLED', 'TALLYGATE_ENABLED']) {
    await (await withVariable(variable, 'false', () => app({ collectStorage }))).close();
  }
  expect([runs, await rowOfCollection()]).toEqual([0, undefined]);
});

test('the embedded database, which has one connection, is summed and written in the same run', async () => {
  const collectStorage = async ({ signal, database: pool }: CollectionRunContext) => {
    const connection = await pool.connect();
    await connection.query(
      `CREATE TABLE public.parts AS SELECT 'embedded' AS tenant_id, n FROM generate_series(1, 9) AS n`,
    );
    connection.release();
    const tables = [{ table: 'public.parts', tenantColumn: 'tenant_id', bytes: 'n' }];
    return sumTableStorage({ tables })({ signal, database: pool });
  };
  const tallygate = await withVariable('TALLYGATE_DATA_DIR', embedded, () => createTallygate({ collectStorage }));
  open.add(tallygate);
  await tallygate.quota.peek('anybody');
  await collected(tallygate);
  expect((await tallygate.usage.query('embedded')).totals.storageBytes).toBe(45);
});

/** Options are read at once, so that the variable is back before anybody else looks. */
async function withVariable<T>(name: string, value: string, work: () => T | Promise<T>): Promise<T> {
  const before = process.env[name];
  process.env[name] = value;
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}
