// The command line as a process: what it prints where, how it ends, and that it is the same installation as the server's.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../src/cli/commandLine.js';
import type { Config } from '../../src/config.js';
import { openInstallation } from '../../src/tallygate.js';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';
import { createDatabase, createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { embeddedDataFolder } from '../servers/embeddedFolder.js';
import { freePort } from '../servers/freePort.js';
import { newFolder } from '../servers/runFolder.js';
import { makeLog } from './accessLogs.js';

const BIN = join(process.cwd(), 'bin/tallygate.js');
interface LedgerPlace {
  readonly env: Readonly<Record<string, string>>;
  readonly drop: () => Promise<void>;
}

const started: StartedProcess[] = [];

afterEach(async () => {
  for (const one of started.splice(0)) await one.end();
});

async function start(args: readonly string[], env: Readonly<Record<string, string>>): Promise<StartedProcess> {
  const child = await startProcess('node', [BIN, ...args], { env: { TALLYGATE_DATA_DIR: newFolder('data'), ...env } });
  started.push(child);
  return child;
}

/** One command line in this process, on real databases: all but the streams is as in `bin/tallygate.js`. */
const run = (line: string, env: Readonly<Record<string, string>>, stdin = '') => runWords(line.split(' '), env, stdin);

async function runWords(words: readonly string[], env: Readonly<Record<string, string>>, stdin = '') {
  const written = { stdout: '', stderr: '' };
  const terminal = {
    stdin: Readable.from([Buffer.from(stdin)]),
    result: (text: string) => {
      written.stdout += text;
    },
    message: (text: string) => {
      written.stderr += text;
    },
    isWatched: false,
  };
  const open = async (config: Config) => openInstallation(config);
  const parts = { terminal, env: { LOG_LEVEL: 'silent', ...env }, open, serve: async () => 1 as const };
  return { status: await runCommandLine(parts, words), ...written };
}

/** The same as a process of its own. */
async function runProcess(line: string, env: Readonly<Record<string, string>>, stdin = '') {
  const child = await start(line.split(' '), env);
  child.write(stdin);
  child.write(undefined);
  const { code } = await child.exit;
  return { status: code, stdout: child.stdout(), stderr: child.stderr() };
}

describe('without a database', () => {
  it('help is on stdout, wrong usage on stderr with status 2', async () => {
    expect(await runProcess('--help', {})).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('replay'),
      stderr: '',
    });
    expect(await runProcess('replay x.log', {})).toEqual({
      status: 2,
      stdout: '',
      stderr: "error: required option '--tenant-by <field>' not specified\n",
    });
  });

  it('migrate is not needed on the embedded database', async () => {
    expect(await runProcess('migrate', {})).toEqual({
      status: 0,
      stdout: expect.stringContaining('Not needed'),
      stderr: '',
    });
  });

  it('a database that is away is one line and status 1, at once', async () => {
    const env = { DATABASE_URL: `postgres://nobody@127.0.0.1:${await freePort()}/nowhere`, LOG_LEVEL: 'silent' };
    const { status, stdout, stderr } = await runProcess('usage acme', env);
    expect({ status, stdout, lines: stderr.trim().split('\n').length }).toEqual({ status: 1, stdout: '', lines: 1 });
  });
});

describe('migrate', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  it('is named by what needs it, applies what is pending, once', async () => {
    const env = { DATABASE_URL: database.url };
    expect(await run('usage acme', env)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('npx tallygate migrate'),
    });
    expect(await run('migrate --status', env)).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/^pending /m),
    });
    const both = await Promise.all([run('migrate', env), run('migrate', env)]);
    expect(both.map(({ status }) => status)).toEqual([0, 0]);
    // Each file is a transaction of its own: both may apply some, or one of them all.
    const applied = both.flatMap(({ stdout }) => [...stdout.matchAll(/^applied +(\S+)$/gm)].map(([, name]) => name));
    const shipped = readdirSync('prisma/migrations', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(applied.sort()).toEqual(shipped.map(({ name }) => name).sort());
    expect(await run('migrate --status', env)).toMatchObject({ status: 0 });
    // On the tables as they are now: what nobody knows is no wrong usage, an unknown plan is.
    expect(await run('usage nobody', env)).toMatchObject({ status: 1, stdout: '' });
    expect(await run('quota set acme --plan nonsense', env)).toMatchObject({ status: 2, stdout: '' });
  });
});

describe.each([
  [
    'PostgreSQL',
    async (): Promise<LedgerPlace> => {
      const database = await createMigratedDatabase();
      return { env: { DATABASE_URL: database.url }, drop: database.drop };
    },
  ],
  [
    'the embedded database',
    async (): Promise<LedgerPlace> => ({
      env: { TALLYGATE_DATA_DIR: await embeddedDataFolder() },
      drop: async () => undefined,
    }),
  ],
])('on %s', (_, open) => {
  let env: Readonly<Record<string, string>>;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    const place = await open();
    env = place.env;
    drop = place.drop;
  });
  afterAll(() => drop());

  it('a log is replayed with a summary, and its usage is printed', async () => {
    const log = makeLog({ name: 'cli', lines: 300 });
    const file = join(newFolder('log'), 'access.log');
    writeFileSync(file, log.text);
    const metered = 300 - log.broken.length - log.withoutTenant;
    const replayed = await run(`replay ${file} --tenant-by host --user-by user`, env);
    expect(replayed).toMatchObject({ status: 0, stdout: expect.stringContaining(`${metered} requests metered`) });
    const lines = [...replayed.stderr.matchAll(/^line (\d+) is broken: /gm)].map(([, line]) => Number(line));
    expect(lines).toEqual(log.broken);
    const again = await run('replay - --tenant-by host --user-by user --json', env, log.text);
    expect(JSON.parse(again.stdout)).toMatchObject({ lines: 0, alreadyMetered: 300 });
    const { stdout } = await run('usage cli-1 --from 2015-05-29 --to 2015-06-03 --csv', env);
    const rows = [...(log.usage.get('cli-1') ?? [])].sort(([one], [other]) => (one < other ? -1 : 1));
    const expected = rows.map(([date, { calls, users }]) => `cli-1,${date},${calls},,${users.size}`);
    expect(stdout.trim().split('\n')).toEqual(['tenant_id,date,api_calls,storage_bytes,active_users', ...expected]);
  });

  it('a quota is set in one process and read in another, and a tenant that nobody knows is none', async () => {
    await run('quota set acme --plan pro --limit day=7 --time-zone Asia/Tokyo', env);
    const set = await run('quota set acme --limit minute=unlimited --json', env);
    const { limits, ...others } = JSON.parse((await run('quota get acme --json', env)).stdout);
    expect(others).toMatchObject({ plan: 'pro', timeZone: 'Asia/Tokyo' });
    expect(JSON.parse(set.stdout)).toMatchObject(others);
    expect(limits).toEqual([
      expect.objectContaining({ name: 'minute', limit: 'unlimited', source: 'override', remaining: null }),
      expect.objectContaining({ name: 'day', limit: 7, source: 'override', used: 0, remaining: 7 }),
    ]);
    expect(await run('quota get nobody', env)).toMatchObject({ status: 1, stdout: '' });
  });
});

describe('overrides and resets', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createMigratedDatabase();
  });
  afterAll(() => database.drop());

  it('an override ends with its date, and a reset of a tenant that nobody knows is none', async () => {
    const env = { DATABASE_URL: database.url };
    const set = await run('quota set timed --limit month=500@2999-01-31 --time-zone Asia/Tokyo --json', env);
    expect(JSON.parse(set.stdout).limits.at(-1)).toMatchObject({ limit: 500, until: '2999-01-30T15:00:00.000Z' });
    const over = await run('quota set timed --limit month=500@2020-01-31', env);
    expect(over).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(/^limits\.month\.until: /) });
    const reset = await run('quota reset timed --reason outage --json', env);
    expect(JSON.parse(reset.stdout)).toMatchObject({ tenantId: 'timed', timeZone: 'Asia/Tokyo' });
    expect(await run('quota reset nobody --reason outage', env)).toMatchObject({ status: 1, stdout: '' });
    const unreasoned = [...'quota reset timed --reason'.split(' '), ' '];
    expect(await runWords(unreasoned, env)).toMatchObject({ status: 2, stderr: expect.stringMatching(/^reason: /) });
  });
});

describe('a folder that a server holds', () => {
  it('is refused with the server’s process id, and free again after SIGTERM', async () => {
    const env = { TALLYGATE_DATA_DIR: await embeddedDataFolder(), PORT: '0', LOG_LEVEL: 'silent' };
    const server = await start(['serve'], env);
    await server.waitForLine(/http:\/\/127\.0\.0\.1:\d+/, 30_000);
    const refused = await runProcess('quota set acme --plan pro', env);
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toContain(String(server.pid));
    server.kill('SIGTERM');
    expect(await server.exit).toEqual({ code: 0, signal: null });
    expect(await run('quota set acme --plan pro', env)).toMatchObject({ status: 0 });
  });
});
