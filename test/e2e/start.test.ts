// `npm start` as a stranger meets it: what it prints and in which order, that the printed line works, how it ends.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';
import { newFolder } from '../servers/runFolder.js';
import { until } from '../servers/until.js';
import { output, projectRoot } from './packedApp.js';

const LONGEST_END_MS = 10_000;
const tallygate = join(projectRoot, 'bin', 'tallygate.js');

let dataFolder: string;
let started: StartedProcess[] = [];

beforeAll(async () => {
  dataFolder = newFolder('data');
  await output(process.execPath, [join(projectRoot, 'scripts', 'build.mjs'), '--if-stale']);
});

// By SIGTERM first: npm, killed, would leave the server behind, which then holds port, folder and output.
afterEach(async () => {
  for (const one of started) {
    one.kill('SIGTERM');
    await Promise.race([one.exit, new Promise((resolve) => setTimeout(resolve, LONGEST_END_MS).unref())]);
    await one.end();
  }
  started = [];
});

async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<StartedProcess> {
  const child = await startProcess(command, args, {
    cwd: projectRoot,
    env: { PORT: '0', QUOTA_STORE_TIMEOUT_MS: '5000', TALLYGATE_DATA_DIR: dataFolder, ...env },
  });
  started.push(child);
  return child;
}

const npmStart = (env: Readonly<Record<string, string>> = {}) => run('npm', ['start'], env);
const serve = (env: Readonly<Record<string, string>> = {}) => run(process.execPath, [tallygate, 'serve'], env);

/** Standard output without the lines in which npm says what it runs. */
function linesOf(child: StartedProcess): string[] {
  return child
    .stdout()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('>'));
}

/**
 * Pastes the printed line into a shell of its own and answers with what it printed. Again only where the server says that it is
 * not ready: it waits 15 s for a database that a busy machine may take longer to make.
 */
async function paste(child: StartedProcess, env: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const [line] = await child.waitForLine(/^curl .*$/, 30_000);
  const cwd = newFolder('elsewhere');
  return until(
    async () => {
      const answer = JSON.parse(await output('bash', ['-c', line], { cwd, env })) as { code?: string };
      return answer.code === 'not_ready' ? undefined : answer;
    },
    { deadlineMs: 90_000, what: 'the pasted line is answered' },
  );
}

async function stop(child: StartedProcess): Promise<{ code: number | null; signal: string | null }> {
  const startedAt = performance.now();
  child.kill('SIGTERM');
  const exit = await child.exit; // resolves once nobody holds its output any more: not npm, not the server
  expect(performance.now() - startedAt).toBeLessThan(LONGEST_END_MS);
  return exit;
}

async function portIsFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

async function apiCallsOf(tenantId: string): Promise<number> {
  const text = await output(process.execPath, [tallygate, 'usage', tenantId, '--json'], {
    env: { TALLYGATE_DATA_DIR: dataFolder },
  });
  return (JSON.parse(text) as { totals: { apiCalls: number } }).totals.apiCalls;
}

const tokenFile = () => join(dataFolder, 'admin-token');
const portOf = (child: StartedProcess) => Number(/http:\/\/127\.0\.0\.1:(\d+)/.exec(child.stdout())?.[1]);

// In order, on one data folder: the second start is the second.
describe('npm start', { timeout: 120_000 }, () => {
  it('the first start prints address, stores, token and a curl line that works; SIGTERM to npm flushes and frees the port', async () => {
    const server = await npmStart();
    expect(await paste(server)).toMatchObject({ allowed: true, tenantId: 'try-me' });
    const token = readFileSync(tokenFile(), 'utf8').trim();
    const lines = linesOf(server);
    const places = [/http:\/\/127\.0\.0\.1:\d+/, /embedded|PGlite/i, new RegExp(token), /^curl /].map((pattern) =>
      lines.findIndex((line) => pattern.test(line)),
    );
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(new Set(places).size).toBe(4);
    expect(token.length).toBeGreaterThanOrEqual(32);
    expect(lines.find((line) => /^curl /.test(line))).not.toContain(token);
    expect(statSync(tokenFile()).mode & 0o777).toBe(0o600);
    const port = portOf(server);
    await stop(server);
    expect(await portIsFree(port)).toBe(true);
    expect(await apiCallsOf('try-me')).toBe(1);
  });

  it('the second start shows no token, and its curl line works too', async () => {
    const server = await npmStart();
    expect(await paste(server)).toMatchObject({ allowed: true });
    expect(server.stdout() + server.stderr()).not.toContain(readFileSync(tokenFile(), 'utf8').trim());
    await stop(server);
    expect(await apiCallsOf('try-me')).toBe(2);
  });

  it('a given ADMIN_TOKEN is never printed, and the curl line takes it from the environment', async () => {
    const token = 'a-token-of-the-operator-0123456789abcdef';
    const server = await serve({ ADMIN_TOKEN: token });
    expect(await paste(server, { ADMIN_TOKEN: token })).toMatchObject({ allowed: true });
    expect(server.stdout()).toContain('$ADMIN_TOKEN');
    expect(server.stdout() + server.stderr()).not.toContain(token);
    expect(await stop(server)).toEqual({ code: 0, signal: null });
  });

  it('a port in use ends the start with one line that names it, and makes no token', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const empty = newFolder('data');
    const server = await serve({ PORT: String(port), TALLYGATE_DATA_DIR: empty });
    expect((await server.exit).code).toBe(1);
    const lines = server.stderr().trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(String(port));
    expect(lines[0]).toContain('PORT=');
    expect(server.stdout()).toBe('');
    expect(existsSync(join(empty, 'admin-token'))).toBe(false);
    await new Promise((resolve) => other.close(resolve));
  });

  it('all faults in the environment are reported at once, before anything is touched', async () => {
    const untouched = join(newFolder('data'), 'not-made');
    const env = {
      PORT: 'eighty',
      QUOTA_FREE_PER_MINUTE: 'sixty',
      QUOTA_HEADER: 'both',
      TALLYGATE_DATA_DIR: untouched,
    };
    const server = await serve(env);
    expect((await server.exit).code).toBe(1);
    for (const name of ['PORT', 'QUOTA_FREE_PER_MINUTE', 'QUOTA_HEADER']) expect(server.stderr()).toContain(name);
    expect(server.stdout()).toBe('');
    expect(existsSync(untouched)).toBe(false);
  });
});
