// `npm test`: runs every test and ends with the line `N passed, N failed`. Arguments are passed on to vitest (a path, `-t name`,
// `--project unit`); `--long` adds the tests that take long. What could pass by accident counts as failed: a skipped test, a
// file without a test, an error outside of tests, a run that executed nothing, a process that was left running.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { livingProcesses } from './livingProcesses.mjs';

const LONGEST_RUN_MS = 20 * 60_000;
const LONGEST_LONG_RUN_MS = 90 * 60_000;
const GRACE_MS = 3_000;

const args = process.argv.slice(2).filter((arg) => arg !== '--long');
const long = args.length < process.argv.length - 2;
// A name filter leaves tests out on purpose; vitest reports them as skipped.
const selects = args.some((arg) => /^(-t|--testNamePattern)(=|$)/.test(arg));
const run = randomBytes(4).toString('hex');
const folder = mkdtempSync(join(tmpdir(), `tallygate-test-report-${run}-`));
const startedAt = performance.now();

try {
  const exit = await runVitest();
  const problems = [...problemsOfExit(exit), ...(await leftovers())];
  finish(countTests(problems, exit));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Vitest with its output as it is. A signal to us is handed on, so that the servers of the run are stopped. */
function runVitest() {
  const vitest = join(import.meta.dirname, '..', 'node_modules', 'vitest', 'vitest.mjs');
  const report = ['--reporter=default', '--reporter=json', `--outputFile.json=${join(folder, 'report.json')}`];
  const env = { ...process.env, TALLYGATE_TEST_RUN: run, ...(long ? { TALLYGATE_LONG: '1' } : {}) };
  const child = spawn(process.execPath, [vitest, 'run', ...report, '--allowOnly=false', ...args], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve) => {
    const deadlineMs = long ? LONGEST_LONG_RUN_MS : LONGEST_RUN_MS;
    let stopped;
    const stop = (reason) => {
      stopped ??= reason;
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 15_000).unref();
    };
    const timer = setTimeout(() => stop(`not done within ${deadlineMs / 60_000} minutes`), deadlineMs);
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop(`stopped by ${signal}`));
    child.once('error', (error) => resolve({ code: null, signal: null, stopped: error.message }));
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stopped });
    });
  });
}

function problemsOfExit({ code, signal, stopped }) {
  if (stopped !== undefined) return [stopped];
  return code === 0 || code === 1 ? [] : [`vitest ended with ${signal ?? `status ${code}`}`];
}

/** Processes that carry this run's marker, once its tests are over. They are ended by pid. */
async function leftovers() {
  const until = performance.now() + GRACE_MS;
  let living = livingProcesses(`TALLYGATE_TEST_RUN=${run}`);
  while (living.length > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    living = livingProcesses(`TALLYGATE_TEST_RUN=${run}`);
  }
  for (const { pid } of living) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error; // ended by itself since
    }
  }
  return living.map(({ pid, command }) => `a process was left running: ${pid} ${command}`);
}

/** Passed and failed, from vitest's report; every problem adds one failure and is named. */
function countTests(problems, { code }) {
  const report = readReport();
  if (report === undefined) return { passed: 0, problems: [...problems, 'vitest wrote no report'], failed: 0 };
  const count = { passed: 0, failed: 0, problems: [...problems] };
  for (const file of report.testResults) {
    const failed = file.assertionResults.filter(({ status }) => status === 'failed').length;
    count.passed += file.assertionResults.filter(({ status }) => status === 'passed').length;
    count.failed += failed;
    if (file.status === 'failed' && failed === 0) count.problems.push(`${file.name}: ${firstLine(file.message)}`);
    const others = file.assertionResults.filter(({ status }) => status !== 'passed' && status !== 'failed');
    if (selects) continue;
    for (const test of others) count.problems.push(`${file.name}: not run (${test.status}): ${test.fullName}`);
  }
  const nothing = count.passed + count.failed === 0;
  if (nothing) count.problems.push('no test was executed');
  // The status is 1 for what no test reports: an error between tests, a set-up or tear-down that failed.
  if (code !== 0 && count.failed + count.problems.length === 0) count.problems.push('an error outside of tests, above');
  return count;
}

function readReport() {
  try {
    return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function firstLine(message) {
  return (message ?? '').split('\n', 1)[0] || 'the file failed outside of its tests';
}

function finish({ passed, failed, problems }) {
  for (const problem of problems) console.log(`FAILED ${problem}`);
  console.log(`took ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  console.log(`${passed} passed, ${failed + problems.length} failed`);
  process.exitCode = failed + problems.length === 0 ? 0 : 1;
}
