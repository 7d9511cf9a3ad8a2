// A server whose tables lie on its disk alone: started again, so that its own memory is empty, and with its files dropped from the
// system's.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import { startProcess } from '../test/servers/childProcess.js';
import type { PostgresServer } from '../test/servers/postgresServer.js';

/** The folder of the files of a connection's database. */
export async function filesOf(client: Client): Promise<string> {
  const { rows } = await client.query(
    `select current_setting('data_directory') as root,
       (select oid from pg_database where datname = current_database()) as database`,
  );
  return join(String(rows[0]?.root), 'base', String(rows[0]?.database));
}

/** Resolves to whether the system has let go of them: it needs GNU dd, and files that we may write. */
export async function makeCold(server: PostgresServer, folder: string): Promise<boolean> {
  await server.stop();
  let isCold = true;
  for (const name of readdirSync(folder)) {
    const args = [`of=${join(folder, name)}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'];
    const drop = await startProcess('dd', ['if=/dev/null', ...args]);
    if ((await drop.exit).code !== 0) isCold = false;
  }
  await server.restart();
  return isCold;
}
