// A private PgBouncer in transaction mode before a PostgreSQL: each transaction of a client may get another connection.
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pgBouncerBinary } from './binaries.js';
import { startProcess } from './childProcess.js';
import { freePort } from './freePort.js';
import { newFolder } from './runFolder.js';

const NOBODY = 65534; // PgBouncer refuses to run as root

export interface PgBouncer {
  /** `url` with its host and port replaced by PgBouncer's. */
  through(url: string): string;
  stop(): Promise<void>;
}

/** Stands before the server of `url`, with fewer connections to it than clients have to PgBouncer. */
export async function startPgBouncer(url: string): Promise<PgBouncer> {
  const { command, libraries } = await pgBouncerBinary();
  const { hostname, port: serverPort } = new URL(url);
  const port = await freePort();
  const folder = newFolder('pgbouncer');
  const ids = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (ids.uid !== undefined) chownSync(folder, ids.uid, ids.gid);
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(
    file,
    `[databases]
* = host=${hostname} port=${serverPort} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 200
server_round_robin = 1
`,
    { mode: 0o644 },
  );
  const env = libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries };
  const started = await startProcess(command, [file], { ...ids, env });
  await started.waitForLine(/process up/);
  return {
    through: (target) => {
      const through = new URL(target);
      through.hostname = '127.0.0.1';
      through.port = String(port);
      return through.href;
    },
    stop: () => started.end(),
  };
}
