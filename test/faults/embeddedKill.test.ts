// kill -9 of the process that writes to the embedded database: what it was told is committed is there, whole and once.
import { expect, it } from 'vitest';
import { builtModule } from '../servers/builtModule.js';
import { startProcess } from '../servers/childProcess.js';
import { embeddedDataFolder } from '../servers/embeddedFolder.js';
import { until } from '../servers/until.js';

const ROWS = 200;
const KILLS = 4;
const TRANSACTIONS = 25;

// Says what it finds; then writes one transaction after the other, each of ROWS rows and one in the book, and says its number
// when it is committed.
const WRITER = `
const [lock, open, folder] = process.argv.slice(1);
const { Pool } = require('pg');
require(open).openEmbeddedPostgres(require(lock).lockDatabase(folder)).then(async ({ poolOptions }) => {
  const client = await new Pool(poolOptions).connect();
  await client.query('create table if not exists book (n int primary key); create table if not exists sums (name int primary key, n int)');
  const { rows } = await client.query('select (select count(*) from book)::int as booked, (select max(n) from book) as last, ' +
    '(select count(*) from sums)::int as names, (select min(n) from sums) as least, (select max(n) from sums) as most');
  console.log('found', JSON.stringify(rows[0]));
  for (let n = rows[0].booked + 1; ; n++) {
    await client.query('begin');
    await client.query('insert into book values ($1)', [n]);
    await client.query('insert into sums select name, 1 from generate_series(1, ${ROWS}) name on conflict (name) do update set n = sums.n + 1');
    await client.query('commit');
    console.log('committed', n);
  }
});
`;

it('a kill -9 in mid-write loses no acknowledged transaction, leaves none half, and the next start takes over', async () => {
  const folder = await embeddedDataFolder();
  const modules = [builtModule('embedded/databaseLock'), builtModule('embedded/embeddedPostgres')];
  let acknowledged = 0;
  for (let kill = 0; kill <= KILLS; kill++) {
    const writer = await startProcess(process.execPath, ['-e', WRITER, ...modules, folder]);
    try {
      const [, json] = await writer.waitForLine(/^found (.*)$/, 60_000);
      const found = JSON.parse(json ?? '');
      if (kill > 0) {
        // One more than was acknowledged may be there: committed, and killed before it could say so.
        expect([acknowledged, acknowledged + 1]).toContain(found.booked);
        const { booked } = found;
        expect(found).toEqual({ booked, last: booked, names: ROWS, least: booked, most: booked });
      }
      await until(() => (acknowledgedBy(writer.stdout()) ?? 0) >= found.booked + TRANSACTIONS, {
        deadlineMs: 60_000,
        what: `${TRANSACTIONS} transactions`,
      });
    } finally {
      await writer.end();
    }
    acknowledged = acknowledgedBy(writer.stdout()) ?? 0;
  }
}, 180_000);

function acknowledgedBy(output: string): number | undefined {
  const last = output.split('\n').slice(0, -1).at(-1);
  return last?.startsWith('committed ') ? Number(last.slice('committed '.length)) : undefined;
}
