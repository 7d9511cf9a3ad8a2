// A deploy starts many processes at once, and each of them may be the one that migrates.
import { resolve } from 'node:path';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { startProcess } from '../servers/childProcess.js';
import { createDatabase } from '../servers/databases.js';

const BIN = resolve(__dirname, '../../bin/tallygate.js');

describe('several processes run `tallygate migrate` at once on an empty database', () => {
  it.each([2, 8])('%i of them all exit 0, and each migration is applied once', async (count) => {
    const database = await createDatabase();
    try {
      const env = { DATABASE_URL: database.url };
      const processes = await Promise.all(
        Array.from({ length: count }, () => startProcess('node', [BIN, 'migrate'], { env })),
      );
      const exits = await Promise.all(processes.map((one) => one.exit));
      expect(exits.map(({ code }) => code)).toEqual(Array.from({ length: count }, () => 0));
      expect(await applied(database.url)).toEqual([{ applied: 1 }]);
    } finally {
      await database.drop();
    }
  });
});

/** How often each migration was applied, without repeats. */
async function applied(url: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(
      'select distinct count(*)::int applied from tallygate._prisma_migrations where finished_at is not null group by migration_name',
    );
    return rows;
  } finally {
    await client.end();
  }
}
