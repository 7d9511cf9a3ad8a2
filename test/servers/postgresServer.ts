// A private PostgreSQL: on a free port of the loopback address, with data that goes with the run. The shared one of a run is
// started by globalSetup.ts; a test that kills or restarts a server starts its own.
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { postgresFolder } from './binaries.js';
import { type StartedProcess, startProcess } from './childProcess.js';
import { freePort } from './freePort.js';
import { newFolder } from './runFolder.js';
import { until } from './until.js';

const NOBODY = 65534; // PostgreSQL refuses to run as root
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '300',
  // Tests lose nothing that matters with the power, and run several times as fast.
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
};

export interface PostgresServer {
  /** The maintenance database, user postgres, no password. */
  readonly url: string;
  readonly port: number;
  /** Its data folder. */
  readonly data: string;
  /** Of the running postmaster; changes with a restart. */
  readonly pid: number;
  /** Fast shutdown (open transactions are rolled back), resolves once it has ended. Data stay for `restart`. */
  stop(): Promise<void>;
  /** Sends the postmaster a signal and does not wait. After SIGKILL, `restart` waits until its children are gone. */
  kill(signal: NodeJS.Signals): void;
  /** Starts again on the same port and data, resolves once it answers. */
  restart(): Promise<void>;
}

/**
 * `settings` are added to the server's own, as `{ log_statement: 'all' }`.
 * @param folder where its data are to be, empty. @defaultValue a new one
 */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
  folder = newFolder('postgres'),
): Promise<PostgresServer> {
  const bin = await postgresFolder();
  const data = await initialise(bin, folder);
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const flags = Object.entries({ ...SETTINGS, ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

  const launch = async (): Promise<StartedProcess> => {
    const started = await startProcess(join(bin, 'postgres'), ['-D', data, '-p', String(port), ...flags], asNobody());
    await untilItAnswers(started, url);
    return started;
  };
  let server = await launch();
  return {
    url,
    port,
    data,
    get pid() {
      return server.pid;
    },
    stop: async () => {
      server.kill('SIGINT');
      const timer = setTimeout(() => server.kill('SIGQUIT'), 10_000);
      await server.exit;
      clearTimeout(timer);
    },
    kill: (signal) => server.kill(signal),
    restart: async () => {
      await server.end();
      // After a SIGKILL the children notice within a moment; until then the new postmaster refuses the data folder.
      await until(
        async () => {
          server = await launch();
          return true;
        },
        { deadlineMs: 20_000, what: 'PostgreSQL starts again', pollMs: 50 },
      );
    },
  };
}

async function initialise(bin: string, folder: string): Promise<string> {
  const { uid, gid } = asNobody();
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  const data = join(folder, 'data');
  const options = ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
  const initdb = await startProcess(join(bin, 'initdb'), options, { ...asNobody(), cwd: folder });
  const { code } = await initdb.exit;
  if (code !== 0) throw new Error(`initdb ended with ${code}: ${initdb.stdout()}\n${initdb.stderr()}`);
  return data;
}

async function untilItAnswers(server: StartedProcess, url: string): Promise<void> {
  let ended = false;
  void server.exit.then(() => {
    ended = true;
  });
  const answered = await until(async () => ended || (await answers(url)), {
    deadlineMs: 30_000,
    what: 'PostgreSQL answers',
  });
  if (answered && ended) throw new Error(`PostgreSQL did not start: ${server.stderr()}`);
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined); // a server that goes away again is the next attempt's matter
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function asNobody(): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
}
