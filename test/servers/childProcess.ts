// Processes that tests start: their output is kept, their end is a promise, and each carries the run's marker in its
// environment, so that test/run.mjs finds whatever a test left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { until } from './until.js';

/** The environment variable that marks everything started below one test run. */
export const RUN_MARKER = 'TALLYGATE_TEST_RUN';

const MOST_OUTPUT = 4 * 1024 * 1024;
// What would leak from the developer's shell or from vitest into a process that has to behave as in a fresh shell.
const NOT_INHERITED =
  /^(NODE_ENV|TEST|VITEST.*|DATABASE_URL|REDIS_.*|QUOTA_.*|USAGE_METER_.*|TALLYGATE_(?!TEST_RUN).*|ADMIN_TOKEN|PORT|HOST|TENANT_HEADER|UNKNOWN_TENANTS|METRICS_PUBLIC|METRICS_TENANT_LABELS|LOG_LEVEL)$/;

export interface StartOptions {
  /** Added to the inherited environment; `undefined` removes a variable. Settings of Tallygate, NODE_ENV and vitest's are never inherited. */
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** `true` gives the child an IPC channel (`process.send`), reached by `child`. */
  ipc?: boolean;
}

export interface StartedProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Everything written so far, at most the first 4 MiB of each. */
  stdout(): string;
  stderr(): string;
  /** Writes to the standard input; `undefined` ends it. */
  write(text: string | undefined): void;
  /** The first line of stdout or stderr that matches, also one that has been written already. Rejects on the process's end and after the deadline. */
  waitForLine(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>;
  /** Resolves when the process has ended and its output is complete; never rejects. */
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  kill(signal?: NodeJS.Signals): void;
  /** SIGKILL unless it has ended, then waits for the end: for `afterEach`. */
  end(): Promise<void>;
}

/** Starts a process and rejects where it cannot be started. */
export async function startProcess(
  command: string,
  args: readonly string[] = [],
  options: StartOptions = {},
): Promise<StartedProcess> {
  const child = spawn(command, args, {
    env: environment(options.env ?? {}),
    stdio: options.ipc ? ['pipe', 'pipe', 'pipe', 'ipc'] : ['pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  const output = { stdout: collect(child.stdout), stderr: collect(child.stderr) };
  child.stdin?.on('error', () => undefined); // EPIPE: the process ended before it read everything
  let ended = false;
  const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => {
      ended = true;
      resolve({ code, signal });
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const shown = () => `${command} ${args.join(' ')}\n${output.stdout()}\n${output.stderr()}`;

  async function waitForLine(pattern: RegExp, deadlineMs = 15_000): Promise<RegExpExecArray> {
    const look = () => {
      const lines = `${output.stdout()}\n${output.stderr()}`.split('\n');
      return lines.map((line) => pattern.exec(line)).find((match) => match !== null);
    };
    const found = await until(() => look() ?? (ended && 'ended'), {
      deadlineMs,
      what: `a line like ${pattern} of`,
    }).catch((error: Error) => {
      throw new Error(`${error.message} ${shown()}`);
    });
    const match = found === 'ended' ? look() : found;
    if (match === undefined) throw new Error(`ended without a line like ${pattern}: ${shown()}`);
    return match;
  }

  return {
    pid: child.pid ?? 0,
    child,
    stdout: output.stdout,
    stderr: output.stderr,
    write: (text) => {
      if (text === undefined) child.stdin?.end();
      else child.stdin?.write(text);
    },
    waitForLine,
    exit,
    kill: (signal = 'SIGTERM') => void child.kill(signal),
    end: async () => {
      if (!ended) child.kill('SIGKILL');
      await exit;
    },
  };
}

function environment(added: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name));
  const all = Object.entries({ ...Object.fromEntries(inherited), ...added });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    if (text.length < MOST_OUTPUT) text += chunk;
  });
  return () => text;
}
