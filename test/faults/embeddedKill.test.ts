// kill -9 of the process that writes to the embedded database: what it was told is committed is there, whole and once.
import { Pool } from 'pg';
import { expect, it } from 'vitest';
import { lockDatabase } from '../../src/embedded/databaseLock.js';
import { openEmbeddedPostgres } from '../../src/embedded/embeddedPostgres.js';
import { builtModule } from '../servers/builtModule.js';
import { startProcess } from '../servers/childProcess.js';
import { embeddedDataFolder } from '../servers/embeddedFolder.js';
import { until } from '../servers/until.js';

const ROWS = 200;

// One transaction after the other, each of ROWS rows and one in the book; says its number when it is committed.
const WRITER = `
const [lock, open, folder] = process.argv.slice(1);
const { Pool } = require('pg');
require(open).openEmbeddedPostgres(require(lock).lockDatabase(folder)).then(async ({ poolOptions }) => {
  const client = await new Pool(poolOptions).connect();
  await client.query('create table if not exists book (n int primary key); create table if not exists sums (name int primary key, n int)');
  for (let n = (await client.query('select coalesce(max(n), 0)::int as n from book')).rows[0].n + 1; ; n++) {
    await client.query('begin');
    await client.query('insert into book values ($1)', [n]);
    await client.query('insert into sums select name, 1 from generate_series(1, ${ROWS}) name on conflict (name) do update set n = sums.n + 1');
    await client.query('commit');
    process.stdout.write(n + '\\n');
  }
});
`;

it('a kill -9 in mid-write loses no acknowledged transaction, leaves none half, and the next start takes over', async () => {
  const folder = await embeddedDataFolder();
  const modules = [builtModule('embedded/databaseLock'), builtModule('embedded/embeddedPostgres')];
  let acknowledged = 0;
  for (let kill = 1; kill <= 4; kill++) {
    const writer = await startProcess(process.execPath, ['-e', WRITER, ...modules, folder]);
    const lines = () => writer.stdout().split('\n').slice(0, -1).map(Number);
    await until(() => lines().length >= 25 * kill, { deadlineMs: 30_000, what: 'transactions' }).catch(
      (error: Error) => {
        throw new Error(`${error.message}\n${writer.stderr()}`);
      },
    );
    await writer.end();
    acknowledged = lines().at(-1) ?? 0;

    const embedded = await openEmbeddedPostgres(lockDatabase(folder));
    const pool = new Pool(embedded.poolOptions);
    const { rows } =
      await pool.query(`select (select count(*) from book)::int as booked, (select max(n) from book)::int as last,
      (select count(*) from sums)::int as names, (select min(n) from sums) as least, (select max(n) from sums) as most`);
    const [{ booked, last, names, least, most }] = rows;
    await pool.end();
    await embedded.close();
    // One more than was acknowledged may be there: committed, and killed before it could say so.
    expect([acknowledged, acknowledged + 1]).toContain(booked);
    expect({ last, names, least, most }).toEqual({ last: booked, names: ROWS, least: booked, most: booked });
  }
});
