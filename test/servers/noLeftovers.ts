// After each test file: the worker has no child process left. Vitest runs it in every worker of the project "servers".
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll } from 'vitest';
import { until } from './until.js';

// Registered before any hook of the test file, and hooks end in reverse order: the file's own clean-up comes first.
afterAll(async () => {
  let left: string[] = [];
  await until(
    () => {
      left = children();
      return left.length === 0;
    },
    { deadlineMs: 3_000, what: 'no child process is left' },
  ).catch(() => {
    throw new Error(`this file started processes that it did not stop: ${left.join('; ')}`);
  });
});

function children(): string[] {
  return process.platform === 'linux' ? childrenFromProc() : childrenFromPs();
}

function childrenFromProc(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      // pid (name) state ppid …: the name may hold spaces and brackets, so count from its closing one.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(parent) !== process.pid || state === 'Z') return [];
      return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()}`];
    } catch (error) {
      // It ended while we were looking.
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return [];
      throw error;
    }
  });
}

function childrenFromPs(): string[] {
  const ps = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,command='], { encoding: 'utf8' });
  return ps.stdout.split('\n').filter((line) => {
    const [pid, parent, state] = line.trim().split(/\s+/);
    return Number(parent) === process.pid && Number(pid) !== ps.pid && !state?.startsWith('Z');
  });
}
