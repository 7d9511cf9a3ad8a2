// Disks that are full, PostgreSQL's and our own: requests go on, and once there is space again the ledger has what was answered.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { decodeRecords } from '../../src/stores/disk/recordLine.js';
import { migrate } from '../../src/stores/postgres/migrate.js';
import { createPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { createMigratedDatabase } from '../servers/databases.js';
import { startPostgres } from '../servers/postgresServer.js';
import { sharedRedisUrl } from '../servers/redisServer.js';
import { smallDisk } from '../servers/smallDisk.js';
import { until } from '../servers/until.js';
import { chargesOf, rowsOf } from './ledgerRows.js';
import { call, endServers, type FleetServer, setTenant, startServer } from './serverFleet.js';
import { Traffic } from './traffic.js';

const PLENTY = {
  ...{ QUOTA_FREE_PER_MINUTE: 'unlimited', QUOTA_FREE_PER_DAY: '10000000', QUOTA_STORE_TIMEOUT_MS: '10000' },
  ...{ USAGE_METER_FLUSH_INTERVAL_MS: '250' },
};
const WITHIN_MS = 60_000;
/** As many as there are requests: each adds a row. */
const ALWAYS_NEW = 1_000_003;

/** What was started, in order; ended the other way round, whatever became of the test. */
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  const faults: unknown[] = [];
  for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end().catch((error) => faults.push(error));
  expect(faults).toEqual([]);
});

async function started<T>(starting: Promise<T>, end: (one: T) => Promise<unknown>): Promise<T> {
  const one = await starting;
  ends.push(() => end(one));
  return one;
}

const server = (env: Readonly<Record<string, string>>): Promise<FleetServer> =>
  started(startServer({ ...PLENTY, REDIS_URL: sharedRedisUrl(), ...env }), (one) => one.process.end());

/** What the ledger has of a tenant, and what is not right about it. */
async function figuresOf(url: string, tenant: string): Promise<unknown> {
  const [usage] = await rowsOf(
    { url },
    `select coalesce(sum(api_calls), 0)::int calls, coalesce(sum(active_users), 0)::int users,
            (select count(*)::int from tallygate.usage_gap) gaps,
            (select count(*)::int from tallygate.quarantine) aside
     from tallygate.tenant_usage where tenant_id = $1`,
    [tenant],
  );
  return { ...usage, units: (await chargesOf({ url }, tenant)).units };
}

/** What it must have of everything that was answered. */
function answeredOf(traffic: Traffic, tenant: string): { calls: number } {
  const { admitted, users } = traffic.answered(tenant);
  return Object.assign({ calls: admitted }, { users: users.size, gaps: 0, aside: 0, units: admitted });
}

async function untilEqual(url: string, traffic: Traffic, tenant: string): Promise<void> {
  const wanted = answeredOf(traffic, tenant);
  const isThere = async () => JSON.stringify(await figuresOf(url, tenant)).includes(`"calls":${wanted.calls},`);
  await until(isThere, { deadlineMs: WITHIN_MS, what: 'the backlog in the ledger', pollMs: 100 }).catch(
    () => undefined,
  );
  expect(await figuresOf(url, tenant)).toEqual(wanted);
}

it("PostgreSQL's disk is full: requests go on, nothing is taken for poison, and with space the ledger has everything", {
  timeout: 240_000,
}, async () => {
  const disk = await started(smallDisk(160), (one) => one.remove());
  const postgres = await started(startPostgres({ synchronous_commit: 'on' }, disk.folder), (one) => one.stop());
  const pool = createPostgresPool({ url: postgres.url, max: 1 });
  await migrate(pool, { schema: 'tallygate' }).finally(() => pool.end());
  const tenant = `full-${process.pid}-${Date.now()}`;
  const servers = [
    await server({ DATABASE_URL: postgres.url }),
    await server({ DATABASE_URL: postgres.url, USAGE_METER_JOURNAL: 'false' }),
  ];
  await setTenant(servers[0] as FleetServer, tenant, {});
  const traffic = new Traffic([tenant], ALWAYS_NEW);
  traffic.add(...servers);
  await traffic.goOn(200);
  disk.fill();
  // Each user is a row: the table has to grow, and cannot.
  const refused = () => servers.every((one) => /53100/.test(one.process.stdout() + one.process.stderr()));
  await until(refused, { deadlineMs: WITHIN_MS, what: 'PostgreSQL says that its disk is full' });
  await traffic.goOn(400);
  expect(traffic.answered(tenant).denied).toBe(0);
  disk.giveSpace();
  await traffic.goOn(100);
  await traffic.end();
  await untilEqual(postgres.url, traffic, tenant);
  expect(await endServers(servers)).toEqual([0, 0]);
});

it('our own disk is full in mid-life: requests go on, the torn record is cut, and a process that is killed later leaves no gap', {
  timeout: 240_000,
}, async () => {
  const database = await started(createMigratedDatabase(), (one) => one.drop());
  const disk = await started(smallDisk(4), (one) => one.remove());
  // Flushed when somebody reads only: what is in the ledger and what is in the journal alone is chosen here.
  const env = {
    ...{ DATABASE_URL: database.url, TALLYGATE_DATA_DIR: join(disk.folder, 'data') },
    ...{ USAGE_METER_FLUSH_INTERVAL_MS: '3600000', USAGE_METER_BATCH_SIZE: '100000' },
  };
  const tenant = `own-${process.pid}-${Date.now()}`;
  const first = await server(env);
  await setTenant(first, tenant, {});
  const traffic = new Traffic([tenant]);
  traffic.add(first);
  await traffic.goOn(50);
  disk.fill();
  const refused = () => /The journal cannot be written/.test(first.process.stdout() + first.process.stderr());
  await until(refused, { deadlineMs: WITHIN_MS, what: 'the journal is refused' });
  await traffic.goOn(100);
  expect((await call('GET', `${first.url}/api/admin/usage/${tenant}`)).status).toBe(200);
  await traffic.goOn(20);
  disk.giveSpace();
  const before = journalOf(disk.folder).bytes;
  await until(() => journalOf(disk.folder).bytes > before, { deadlineMs: WITHIN_MS, what: 'the journal goes on' });
  // What only memory had of the time without a journal has to be in the ledger before the process dies.
  expect((await call('GET', `${first.url}/api/admin/usage/${tenant}`)).status).toBe(200);
  await traffic.goOn(100);
  await traffic.drain(first);
  await first.process.end();
  expect(journalOf(disk.folder)).toMatchObject({ corrupt: 0, torn: 0 });
  const next = await server(env);
  await untilEqual(database.url, traffic, tenant);
  traffic.add(next);
  await traffic.goOn(20);
  await traffic.end();
  expect(await endServers([next])).toEqual([0]);
  await untilEqual(database.url, traffic, tenant);
});

/** All records of the journals on the disk. */
function journalOf(disk: string): { bytes: number; corrupt: number; torn: number } {
  const folder = join(disk, 'data', 'journal');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.seg'));
  const sum = { bytes: 0, corrupt: 0, torn: 0 };
  for (const name of names) {
    const text = readFileSync(join(folder, name));
    const { corrupt, torn } = decodeRecords(text);
    sum.bytes += text.length;
    sum.corrupt += corrupt.length;
    sum.torn += torn.length;
  }
  return sum;
}
