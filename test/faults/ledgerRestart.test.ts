// A PostgreSQL that is killed, and one that is put back to an older state, under a process that goes on booking.
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { createTallygate, type Tallygate } from '../../src/index.js';
import { migrate } from '../../src/stores/postgres/migrate.js';
import { createPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { type PostgresServer, startPostgres } from '../servers/postgresServer.js';
import { until } from '../servers/until.js';
import { startCuttingProxy } from './cuttingProxy.js';

const CUTS = 20;

let server: PostgresServer;
let tallygate: Tallygate | undefined;

beforeAll(async () => {
  // What was acknowledged must survive the kill: that is PostgreSQL's promise with its own default.
  server = await startPostgres({ synchronous_commit: 'on' });
  const pool = createPostgresPool({ url: server.url, max: 1 });
  await migrate(pool, { schema: 'tallygate' }).finally(() => pool.end());
});

afterEach(() => tallygate?.close({ deadlineMs: 1_000 }));
afterAll(() => server?.stop());

function start(): Tallygate {
  tallygate = createTallygate({ database: server.url });
  return tallygate;
}

async function query(text: string): Promise<Record<string, number>[]> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  try {
    return (await client.query(text)).rows ?? [];
  } finally {
    await client.end();
  }
}

const ledgerOf = async (tenant: string) =>
  (
    await query(`
    select (select coalesce(sum(api_calls), 0)::int from tallygate.tenant_usage where tenant_id = '${tenant}') calls,
           (select coalesce(sum(active_users), 0)::int from tallygate.tenant_usage where tenant_id = '${tenant}') users,
           (select coalesce(sum(units), 0)::int from tallygate.quota_charge where tenant_id = '${tenant}') units,
           (select count(*)::int from tallygate.usage_gap) gaps`)
  )[0];

it('kill -9 of PostgreSQL under load, again and again: nothing is lost, nothing counts twice', async () => {
  const process = start();
  await process.usage.record('killed', { apiCalls: 1, user: 'u1' });
  let calls = 1;
  let users = 1;
  let units = 0;
  let ended = false;
  async function load(): Promise<void> {
    while (!ended) {
      calls += 1;
      users += 1;
      await process.usage.record('killed', { apiCalls: 1, user: `u${users}` });
      if ((await process.quota.consume('killed')).allowed) units += 1;
      await process.flush().catch(() => undefined);
    }
  }
  const loads = Promise.all([load(), load()]);
  for (let kill = 0; kill < 3; kill += 1) {
    const before = calls;
    await until(() => calls >= before + 40, { what: 'some load' });
    server.kill('SIGKILL');
    await server.restart();
  }
  ended = true;
  await loads;
  expect(await process.close()).toBe(0);
  expect(await ledgerOf('killed')).toEqual({ calls, users, units, gaps: 0 });
});

/** Books, puts the database back to where it was four flushes ago, and books on. */
async function bookAcrossRestore(tenant: string): Promise<void> {
  const tables = ['tenant_usage', 'quota_charge', 'tenant_active_user', 'usage_producer', 'usage_gap'];
  const process = start();
  const book = async (times: number) => {
    for (let time = 0; time < times; time += 1) {
      await process.usage.record(tenant, { apiCalls: 1 });
      await process.flush();
    }
  };
  await book(3);
  await query(tables.map((table) => `create table kept_${table} as table tallygate.${table}`).join(';'));
  await book(4);
  await query(
    `begin; ${tables.map((table) => `truncate tallygate.${table}; insert into tallygate.${table} table kept_${table}`).join(';')}; commit`,
  );
  await book(5);
  expect(await process.close()).toBe(0);
  await query(tables.map((table) => `drop table kept_${table}`).join(';'));
}

it('a database that is put back to an older state: the journal has what it lost', async () => {
  await bookAcrossRestore('restored');
  expect(await ledgerOf('restored')).toMatchObject({ calls: 12, gaps: 0 });
});

it('and without a journal what it lost is a gap, and the process goes on from there', async () => {
  vi.stubEnv('USAGE_METER_JOURNAL', 'false');
  await bookAcrossRestore('bare').finally(() => vi.unstubAllEnvs());
  expect(await ledgerOf('bare')).toMatchObject({ calls: 8, gaps: 1 });
  const [gap] = await query('select (to_record - from_record)::int records from tallygate.usage_gap');
  expect(gap).toEqual({ records: 4 });
});

it('a connection that is cut between COMMIT and its answer, again and again: nothing is lost, nothing counts twice', async () => {
  const url = new URL(server.url);
  const proxy = await startCuttingProxy(Number(url.port));
  url.port = new URL(proxy.url).port;
  const process = createTallygate({ database: url.href });
  try {
    for (let time = 1; time <= CUTS; time += 1) {
      await process.usage.record('cut', { apiCalls: 1, user: `u${time}` });
      // With its end: BEGIN names READ COMMITTED.
      proxy.cutReplyTo('COMMIT\0');
      await process.flush().catch(() => undefined);
      await until(() => proxy.cuts >= time, { what: 'the connection is cut' });
    }
    expect(await process.close()).toBe(0);
    expect(await ledgerOf('cut')).toMatchObject({ calls: CUTS, users: CUTS });
  } finally {
    await process.close({ deadlineMs: 1_000 });
    await proxy.close();
  }
});
