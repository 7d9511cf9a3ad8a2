// A private Redis: on a free port of the loopback address, without persistence. The shared one of a run is started by
// globalSetup.ts; a test that flushes, kills or restarts a server starts its own.
import { connect } from 'node:net';
import { redisBinary } from './binaries.js';
import { type StartedProcess, startProcess } from './childProcess.js';
import { freePort } from './freePort.js';
import { newFolder } from './runFolder.js';

export interface RedisServer {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** Of the running server; changes with a restart. */
  readonly pid: number;
  /** SIGTERM, then waits for the end. */
  stop(): Promise<void>;
  /** Sends a signal and does not wait: SIGSTOP and SIGCONT stall it, SIGKILL loses it. */
  kill(signal: NodeJS.Signals): void;
  /** Starts again on the same port, empty unless it was configured to persist. */
  restart(): Promise<void>;
}

export interface RedisOptions {
  /** Instead of any free port. */
  readonly port?: number;
  /** Added to the command line, as `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[];
}

export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { command, libraries } = await redisBinary();
  const folder = newFolder('redis');
  const port = options.port ?? (await freePort());
  const args = [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'],
    // A process title is written over the environment, where the run's marker is.
    ...['--set-proc-title', 'no'],
    ...(options.args ?? []),
  ];
  const launch = async (): Promise<StartedProcess> => {
    const env = libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries };
    const started = await startProcess(command, args, { env });
    try {
      await started.waitForLine(/Ready to accept connections/, 20_000);
      return started;
    } catch (error) {
      await started.end();
      throw error;
    }
  };
  let server = await launch();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid;
    },
    stop: async () => {
      server.kill('SIGCONT'); // a stalled server would not hear the next one
      server.kill('SIGTERM');
      const timer = setTimeout(() => server.kill('SIGKILL'), 5_000);
      await server.exit;
      clearTimeout(timer);
    },
    kill: (signal) => server.kill(signal),
    restart: async () => {
      await server.end();
      server = await launch();
    },
  };
}

/** The Redis that a whole run shares: use a key prefix of your own, never FLUSHALL. */
export function sharedRedisUrl(): string {
  const url = process.env.TEST_REDIS_URL;
  if (url === undefined) throw new Error('TEST_REDIS_URL is not set: tests with servers run in the project "servers"');
  return url;
}

/** Whether something that speaks Redis without a password answers at `url`; for the check of a given TEST_REDIS_URL. */
export function redisAnswers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || 6379) });
    const answer = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(5_000, () => answer(false));
    socket.once('error', () => answer(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    // NOAUTH is an answer too: the tests will say better than we can what is wrong with it.
    socket.once('data', (data) => answer(/^(\+PONG|-NOAUTH)/.test(data.toString('latin1'))));
  });
}
