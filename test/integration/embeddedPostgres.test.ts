// The embedded database through `pg`: what other code may rely on as on a server, and the upkeep that a server would do by itself.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Pool, type PoolConfig } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lockDatabase } from '../../src/embedded/databaseLock.js';
import { makeDataFolder } from '../../src/embedded/dataFolder.js';
import { type EmbeddedPostgres, openEmbeddedPostgres } from '../../src/embedded/embeddedPostgres.js';
import { builtModule } from '../servers/builtModule.js';
import { startProcess } from '../servers/childProcess.js';
import { embeddedDataFolder } from '../servers/embeddedFolder.js';
import { newFolder } from '../servers/runFolder.js';
import { until } from '../servers/until.js';

// Seconds of processor time: far longer in wall time where other tests run beside it.
const FIRST_START_MS = 180_000;

let folder: string;
let embedded: EmbeddedPostgres;
let pool: Pool;

function poolOf(database: EmbeddedPostgres, options: PoolConfig = {}): Pool {
  const made = new Pool({ ...database.poolOptions, ...options });
  made.on('error', () => undefined);
  return made;
}

beforeAll(async () => {
  folder = await embeddedDataFolder();
  embedded = await openEmbeddedPostgres(lockDatabase(folder));
  pool = poolOf(embedded);
  await pool.query('create table kept (name text primary key, day date, n int8)');
}, FIRST_START_MS);
afterAll(async () => {
  await pool?.end();
  await embedded?.close();
});
beforeEach(() => pool.query('truncate kept'));

async function count(): Promise<number> {
  return (await pool.query('select count(*)::int as n from kept')).rows[0].n;
}

describe('a client of the embedded database', () => {
  it('gets days, big numbers and any text back as they were sent', async () => {
    const names = ['a:b', '{x}', '__proto__', '😀', "it's", '語'.repeat(256)];
    const days = names.map(() => '2024-03-10');
    const sums = names.map(() => '9223372036854775807');
    const sql = 'insert into kept select * from unnest($1::text[], $2::date[], $3::int8[])';
    await pool.query(sql, [names, days, sums]);
    const { rows } = await pool.query('select name, day::text, n::text from kept order by name collate "C"');
    const expected = names.map((name) => ({ name, day: '2024-03-10', n: '9223372036854775807' }));
    expect(new Map(rows.map((row) => [row.name, row]))).toEqual(new Map(expected.map((row) => [row.name, row])));
  });

  it('gets 16 MB there and back in one parameter', async () => {
    const text = 'x'.repeat(16 * 1024 * 1024);
    expect((await pool.query('select $1::text as text', [text])).rows[0].text).toBe(text);
  });

  it('gets the SQLSTATE and the constraint of an error, and can go on', async () => {
    await pool.query(`insert into kept values ('one')`);
    await expect(pool.query(`insert into kept values ('one')`)).rejects.toMatchObject({
      code: '23505',
      constraint: 'kept_pkey',
    });
    await expect(pool.query('selct')).rejects.toMatchObject({ code: '42601' });
    expect(await count()).toBe(1);
  });

  it('that goes away in the middle of a transaction leaves nothing of it, and nothing of its session', async () => {
    const client = await pool.connect();
    await client.query({ name: 'named', text: 'select 1' });
    await client.query(`set time zone 'America/New_York'; create temp table mine ()`);
    await client.query('begin');
    await client.query(`insert into kept values ('lost')`);
    client.release(true);
    expect(await count()).toBe(0);
    const { rows } = await pool.query(`select current_setting('TimeZone') as zone, to_regclass('mine') as mine`);
    expect(rows).toEqual([{ zone: 'UTC', mine: null }]);
    expect((await pool.query({ name: 'named', text: 'select 2 as n' })).rows).toEqual([{ n: 2 }]);
  });

  it('is never inside the transaction of another: it waits, and gets an error when its time is over', async () => {
    const holder = await pool.connect();
    await holder.query('begin');
    await holder.query(`insert into kept values ('held')`);
    const impatient = poolOf(embedded, { connectionTimeoutMillis: 200 });
    await expect(impatient.query('select 1')).rejects.toThrow(/timeout/);
    const patient = new Client(embedded.poolOptions);
    const connected = patient.connect();
    await holder.query('rollback');
    holder.release(true);
    await connected;
    expect((await patient.query('select count(*)::int as n from kept')).rows).toEqual([{ n: 0 }]);
    await Promise.all([patient.end(), impatient.end()]);
  });

  it('that holds the connection and asks for a second one gets an error instead of waiting for itself', async () => {
    const short = poolOf(embedded, { connectionTimeoutMillis: 200 });
    await pool.end(); // it holds the one session while it has an idle client
    const client = await short.connect();
    await expect(short.query('select 1')).rejects.toThrow(/timeout/);
    client.release();
    await short.end();
    pool = poolOf(embedded);
  });

  it('sees one error when the thread ends, and the next one finds it running again', async () => {
    // COPY from the client is more than PGlite can do: it breaks off in the middle of the protocol.
    await expect(pool.query('copy kept from stdin')).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(await count()).toBe(0);
    await pool.query(`insert into kept values ('after')`);
    expect(await count()).toBe(1);
  });
});

describe('the upkeep', () => {
  it('keeps the log bounded over several hundred fat flushes, and vacuums once a day', async () => {
    await pool.query('create table fat (name text primary key, n int8, filler text)');
    const names = Array.from({ length: 500 }, (_, index) => `tenant-${index}`);
    const flush = `insert into fat select name, 1, repeat(md5(name || $2), 8) from unnest($1::text[]) name
      on conflict (name) do update set n = fat.n + excluded.n, filler = excluded.filler`;
    for (let batch = 0; batch < 500; batch++) await pool.query(flush, [names, String(batch)]);
    const { rows } = await pool.query(`select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::int8 as written`);
    expect(Number(rows[0].written)).toBeGreaterThan(150 * 1024 * 1024);
    expect(sizeOf(join(folder, 'postgres', 'pg_wal'))).toBeLessThanOrEqual(80 * 1024 * 1024);
    expect(existsSync(join(folder, 'postgres.vacuumed'))).toBe(true);
    const sums = await pool.query('select min(n)::int, max(n)::int from fat');
    expect(sums.rows).toEqual([{ min: 500, max: 500 }]);
  });
});

describe('the folder of the embedded database', () => {
  it(
    'is made by a process that ends, again after a kill in its first start; keeps what was committed; is free after close',
    async () => {
      const fresh = join(newFolder('fresh'), 'data');
      makeDataFolder(fresh);
      const unfinished = () => readdirSync(fresh).filter((name) => name.startsWith('postgres.new-'));
      const modules = [builtModule('embedded/databaseLock'), builtModule('embedded/embeddedPostgres')];
      const script = `const [lock, open, folder] = process.argv.slice(1);
      require(open).openEmbeddedPostgres(require(lock).lockDatabase(folder))`;
      const killed = await startProcess(process.execPath, ['-e', script, ...modules, fresh]);
      await until(() => unfinished().length > 0, { what: 'initdb works' });
      await killed.end();

      const first = await openEmbeddedPostgres(lockDatabase(fresh));
      const firstPool = poolOf(first);
      await firstPool.query('create table there (n int); insert into there values (7)');
      expect(() => lockDatabase(fresh)).toThrow(/in use/);
      await firstPool.end();
      await Promise.all([first.close(), first.close()]);
      expect(unfinished()).toEqual([]);

      const second = await openEmbeddedPostgres(lockDatabase(fresh));
      const secondPool = poolOf(second);
      expect((await secondPool.query('select n from there')).rows).toEqual([{ n: 7 }]);
      await secondPool.end();
      await second.close();
      await expect(poolOf(second).query('select 1')).rejects.toMatchObject({ code: 'closed' });
    },
    FIRST_START_MS,
  );
});

describe('the process', () => {
  it('is held open by a client in use, not by an idle one', async () => {
    const modules = [builtModule('embedded/databaseLock'), builtModule('embedded/embeddedPostgres')];
    const script = `const [lock, open, folder] = process.argv.slice(1);
      const { Pool } = require('pg');
      require(open).openEmbeddedPostgres(require(lock).lockDatabase(folder)).then(async ({ poolOptions }) => {
        const pool = new Pool(poolOptions);
        const client = await pool.connect();
        setTimeout(() => client.query('select 1').then(() => { console.log('done'); client.release(); }), 50).unref();
      });`;
    const started = await startProcess(process.execPath, ['-e', script, ...modules, await embeddedDataFolder()]);
    expect(await started.exit).toEqual({ code: 0, signal: null });
    expect(started.stdout()).toBe('done\n');
  });
});

function sizeOf(path: string): number {
  return readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
}
