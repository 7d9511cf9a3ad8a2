// `npm test` can fail: each way in which a run could look green by accident, tried on a run of its own.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startProcess } from './servers/childProcess.js';
import { newFolder } from './servers/runFolder.js';
import { until } from './servers/until.js';

async function runOf(files: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const root = newFolder('run');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
  const command = [join(__dirname, 'run.mjs'), '--root', root, '--globals', ...args];
  const run = await startProcess(process.execPath, command, { env: { NO_COLOR: '1' } });
  const { code } = await run.exit;
  const lines = run.stdout().trimEnd().split('\n');
  return { code, lastLine: lines.at(-1), output: run.stdout(), stderr: run.stderr() };
}

// An orphan whose new parent does not look stays a zombie: without an environment, but with a pid.
function hasEnded(pid: number): boolean {
  if (existsSync('/proc/self/environ'))
    return !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/environ`).length === 0;
  try {
    return !process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

const GREEN = `test('holds', () => expect(1).toBe(1));`;

test.concurrent('a green run ends with its counts and status 0; a name filter leaves tests out without failing it', async () => {
  const files = { 'a.test.mjs': GREEN, 'b.test.mjs': `${GREEN} test('other', () => {});` };
  const { code, lastLine } = await runOf(files, ['-t', 'holds']);
  expect([lastLine, code]).toEqual(['2 passed, 0 failed', 0]);
});

test.concurrent('what did not run, and what was left running, is counted as failed', async () => {
  const leave = `import { spawn } from 'node:child_process';
    test('leaves', () => {
      spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'forgotten'], { detached: true, stdio: 'ignore' }).unref();
    });`;
  const { code, lastLine, output } = await runOf({
    'broken.test.mjs': `${GREEN} test('broken', () => expect(1).toBe(2));`,
    'skipped.test.mjs': `${GREEN} test.skip('left out', () => {}); test.todo('later');`,
    'unloadable.test.mjs': `throw new Error('cannot be loaded');`,
    'only.test.mjs': `test.only('alone', () => {});`,
    'leaves.test.mjs': leave,
  });
  expect([lastLine, code]).toEqual(['3 passed, 6 failed', 1]);
  expect(output).toMatch(/FAILED .*skipped\.test\.mjs: not run .*left out/);
  const pid = /a process was left running: (\d+) .*forgotten/.exec(output)?.[1];
  await until(() => hasEnded(Number(pid)), { what: `process ${pid} was ended` });
});

test.concurrent('a run that executes nothing has failed', async () => {
  const { code, lastLine } = await runOf({ 'a.txt': '' });
  expect([lastLine, code]).toEqual(['0 passed, 1 failed', 1]);
});

test.concurrent('a failed set-up has failed', async () => {
  const config = `export default { test: { globalSetup: ['./setup.mjs'] } };`;
  const setup = `export function setup() { throw new Error('no server here'); }`;
  const { code, lastLine, output, stderr } = await runOf({
    'vitest.config.mjs': config,
    'setup.mjs': setup,
    'a.test.mjs': GREEN,
  });
  expect([lastLine, code]).toEqual(['0 passed, 1 failed', 1]);
  expect(output + stderr).toContain('no server here');
});

test.concurrent('a rejection that nobody handled has failed', async () => {
  const late = `test('holds', async () => { Promise.reject(new Error('late')); await new Promise((r) => setTimeout(r, 20)); });`;
  const { code, lastLine } = await runOf({ 'a.test.mjs': late });
  expect([lastLine, code]).toEqual(['1 passed, 1 failed', 1]);
});
