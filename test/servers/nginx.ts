// A private nginx: one process, on a port that its configuration names, with everything that it writes below the run's folder.
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { nginxBinary } from './binaries.js';
import { startProcess } from './childProcess.js';
import { newFolder } from './runFolder.js';
import { until } from './until.js';

export interface Nginx {
  /** What it logged. */
  errors(): string;
  /** SIGKILL, then waits for the end. */
  stop(): Promise<void>;
}

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/**
 * Starts it with `http` as its http block, and waits until it listens on `port` of the loopback address.
 * @param files what `http` includes, by name
 */
export async function startNginx(
  http: string,
  port: number,
  files: Readonly<Record<string, string>> = {},
): Promise<Nginx> {
  const { command, libraries } = await nginxBinary();
  const folder = newFolder('nginx');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off;
master_process off;
pid ${join(folder, 'nginx.pid')};
error_log stderr info;
events { worker_connections 512; }
http {
access_log off;
${TEMPORARY.map((name) => `${name}_temp_path ${join(folder, name)};`).join('\n')}
${http}
}
`,
  );
  const env = libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries };
  const started = await startProcess(command, ['-e', 'stderr', '-p', folder, '-c', config], { env });
  let ended = false;
  void started.exit.then(() => {
    ended = true;
  });
  await until(async () => ended || (await listens(port)), { what: 'nginx listens' });
  if (ended) throw new Error(`nginx did not start: ${started.stderr()}`);
  return { errors: started.stderr, stop: () => started.end() };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const answer = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}
