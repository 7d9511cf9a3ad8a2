// `tallygate simulate` as users run it: no database, no Redis, nothing written; and a million lines within its bounds.
import { createWriteStream, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../src/cli/commandLine.js';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';
import { newFolder } from '../servers/runFolder.js';

const BIN = join(process.cwd(), 'bin/tallygate.js');
const started: StartedProcess[] = [];

afterEach(async () => {
  for (const one of started.splice(0)) await one.end();
});

/** One command line in this process, with a log on standard input. No installation may be opened. */
async function run(line: string, log: string | Buffer, { env = {}, isWatched = false } = {}) {
  const written = { stdout: '', stderr: '' };
  const terminal = {
    stdin: Readable.from([Buffer.from(log)]),
    result: (text: string) => {
      written.stdout += text;
    },
    message: (text: string) => {
      written.stderr += text;
    },
    isWatched,
  };
  const open = () => Promise.reject(new Error('a simulation opened an installation'));
  const serve = async () => 1 as const;
  const status = await runCommandLine({ terminal, env: { LOG_LEVEL: 'silent', ...env }, open, serve }, line.split(' '));
  return { status, ...written };
}

const request = (tenant: string, time: string, user = '-') =>
  `${tenant} - ${user} [17/May/2015:${time} +0000] "GET /x HTTP/1.1" 200 5`;
/** acme asks three times in the first minute and once in the next. */
const LOG = `${[
  request('acme', '10:05:03', 'ann'),
  request('acme', '10:05:04'),
  'garbage',
  request('umbra', '10:05:04'),
  request('acme', '10:05:05'),
  request('acme', '10:06:00'),
].join('\n')}\n`;
const ENV = { QUOTA_SMALL_PER_MINUTE: '2', QUOTA_BIG_PER_MINUTE: '100' };

const denials = (stdout: string): [string, number][] =>
  JSON.parse(stdout).plans.map(({ name, denied }: { name: string; denied: number }) => [name, denied]);

describe('simulate', () => {
  it('compares two plans of the environment', async () => {
    const { status, stdout, stderr } = await run('simulate - --plan small --plan big', LOG, { env: ENV });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^6 lines read: 5 requests of 2 tenants, 2015-05-17T10:05:03Z to 2015-05-17T10:06:00Z$/m);
    expect(stdout).toMatch(/^denied +1 \(20\.0 %\) +0 \(0\.0 %\)$/m);
    expect(stdout).toMatch(/^acme +4 +1 +minute 1 +2015-05-17T10:05:05Z +0 +- +-$/m);
    expect(stderr).toBe('line 3 is broken: no host, ident and user\n');
  });

  it('changes the plan that was named before by --limit, so that a plan can be compared with itself', async () => {
    const line = 'simulate - --plan small --limit day=3 --plan small --limit minute=1 --json';
    const { status, stdout } = await run(line, LOG, { env: ENV });
    expect(status).toBe(0);
    expect(denials(stdout)).toEqual([
      ['small day=3', 1],
      ['small minute=1', 2],
    ]);
    const open = await run('simulate - --plan small --limit minute=unlimited --json', LOG, { env: ENV });
    expect(denials(open.stdout)).toEqual([['small minute=unlimited', 0]]);
  });

  it('reads what replay reads: gzip, users and paths as tenants, a last line that is not whole', async () => {
    const packed = await run('simulate - --plan small --json', gzipSync(LOG), { env: ENV });
    expect(denials(packed.stdout)).toEqual([['small', 1]]);
    const byUser = await run('simulate - --plan small --tenant-by user --json', LOG, { env: ENV });
    expect(JSON.parse(byUser.stdout)).toMatchObject({ requests: 1, withoutTenant: 4, byTenant: [{ tenantId: 'ann' }] });
    const byPath = await run('simulate - --plan small --tenant-by path:1 --json', LOG, { env: ENV });
    expect(JSON.parse(byPath.stdout)).toMatchObject({ byTenant: [{ tenantId: 'x', requests: 5 }] });
    const cut = await run('simulate - --plan small', LOG.slice(0, -30), { env: ENV });
    expect(cut.stdout).toMatch(/^5 lines read: 4 requests/);
    expect(cut.stderr).toMatch(/^The last line is not whole: it was passed over\.$/m);
  });

  it('says the same for the same log, and where lines are too far out of order', async () => {
    const once = await run('simulate - --plan small --json', LOG, { env: ENV });
    expect((await run('simulate - --plan small --json', LOG, { env: ENV })).stdout).toBe(once.stdout);
    const two = await run(
      'simulate - --plan small',
      `${request('a', '12:00:00')}\n${request('a', '13:00:00')}\n${LOG}`,
      { env: ENV },
    );
    expect(two.stderr).toMatch(/^\d lines are more than 5 minutes older than lines before them.* Sort the log/m);
  });

  it('draws a progress bar where somebody watches', async () => {
    const { stderr } = await run('simulate - --plan small', LOG, { env: ENV, isWatched: true });
    expect(stderr).toContain('6 lines');
  });

  it.each([
    ['simulate -', /required option '--plan <plan>'/],
    ['simulate - --plan gold', /^plan: expected a known plan \(free, pro, enterprise, .*\), got "gold"/],
    ['simulate - --plan free --plan pro --plan free', /Expected one or two plans/],
    ['simulate - --limit minute=1 --plan free', /Expected after the --plan/],
    ['simulate - --plan free --limit minute=-1', /Expected a whole number/],
    ['simulate - --plan free --limit minute', /Expected NAME=VALUE/],
    ['simulate - --plan free --limit minute=1 --limit minute=2', /Expected minute once/],
    ['simulate - --plan free --limit century=1', /^limit: expected a limit of plan "free" or a window/],
    ['simulate - --plan free --time-zone +05:30', /Expected an IANA name/],
    ['simulate - --plan free --tenant-by ip', /Expected host, user or path:N/],
  ])('refuses %s with status 2', async (line, message) => {
    const { status, stdout, stderr } = await run(line, LOG, { env: ENV });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('fails with status 1 where the log cannot be read, and says why', async () => {
    const { status, stderr } = await run('simulate nowhere.log --plan free', '');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^nowhere\.log cannot be read: /);
  });
});

const MILLION = 1_000_000;

/** A million lines of 5,000 tenants over some hours, the first of them the busiest, in pieces. */
function* millionLines(): Generator<string> {
  let state = 1;
  let second = 0;
  let piece: string[] = [];
  for (let number = 0; number < MILLION; number += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    if (state % 16 === 0) second += 1;
    const tenant = Math.floor(5000 ** (state / 2 ** 32));
    const time = new Date(Date.UTC(2015, 4, 17, 2) + second * 1000).toISOString().slice(11, 19);
    if (
      piece.push(
        `tenant-${tenant} - - [${second >= 79_200 ? 18 : 17}/May/2015:${time} +0000] "GET / HTTP/1.1" 200 5`,
      ) === 5000
    ) {
      yield `${piece.join('\n')}\n`;
      piece = [];
    }
  }
  if (piece.length > 0) yield `${piece.join('\n')}\n`;
}

it('a million lines under two plans take less than 300 MB and 30 s of CPU, without a database, and leave nothing behind', async () => {
  const folder = newFolder('simulate');
  const file = join(folder, 'access.log');
  await pipeline(Readable.from(millionLines()), createWriteStream(file));
  const hook = join(folder, 'usage.cjs');
  const used = `const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();`;
  writeFileSync(
    hook,
    `process.on('exit', () => { ${used} console.error('used', maxRSS, userCPUTime + systemCPUTime); });`,
  );
  const data = join(folder, 'data');
  const args = ['--require', hook, BIN, 'simulate', file, '--plan', 'free', '--plan', 'pro', '--json'];
  const child = await startProcess(process.execPath, args, { cwd: folder, env: { TALLYGATE_DATA_DIR: data } });
  started.push(child);
  expect((await child.exit).code, child.stderr()).toBe(0);
  const report = JSON.parse(child.stdout());
  expect(report).toMatchObject({
    lines: MILLION,
    requests: MILLION,
    late: 0,
    plans: [{ undecided: 0 }, { undecided: 0 }],
  });
  expect(report.plans[0].denied).toBeGreaterThan(report.plans[1].denied);
  const [, maxRss, cpuUs] = /^used (\d+) (\d+)$/m.exec(child.stderr()) ?? [];
  process.stdout.write(`simulate: ${Number(maxRss) / 1024} MB, ${Number(cpuUs) / 1e6} s of CPU\n`);
  expect(Number(maxRss) / 1024).toBeLessThan(300);
  expect(Number(cpuUs) / 1e6).toBeLessThan(30);
  expect(readdirSync(folder).sort()).toEqual(['access.log', 'usage.cjs']);
}, 180_000);
