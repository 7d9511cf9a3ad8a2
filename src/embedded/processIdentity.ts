// Which process a pid meant: pids are reused, so a pid alone does not say whether the process that wrote it still lives.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { codeOf } from './dataFolder.js';

/** A process, told from all others of this machine since its installation. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in whatever form the system tells; `unknown` where it does not tell. */
  readonly startedAt: string;
}

const UNKNOWN = 'unknown';

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startedAt: startOf(process.pid) ?? UNKNOWN };
}

/** Whether exactly this process runs. Where no start time can be had, a living pid counts: a false refusal harms less than two writers. */
export function isAlive({ pid, startedAt }: ProcessIdentity): boolean {
  if (!hasProcess(pid)) return false;
  const now = startOf(pid);
  if (now === undefined) return false;
  return now === UNKNOWN || startedAt === UNKNOWN || now === startedAt;
}

function hasProcess(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    if (codeOf(error) === 'EPERM') return true; // another user's
    throw error;
  }
}

/** `undefined`: there is no such process any more, or it has ended and waits for its parent's look. */
function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') return startFromProc(pid);
  if (process.platform === 'win32') return UNKNOWN;
  const ps = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { LC_ALL: 'C', TZ: 'UTC' },
  });
  if (ps.error !== undefined) return UNKNOWN;
  return ps.stdout.trim() || undefined;
}

/** Ticks since boot (field 22), together with which boot: after a restart of the machine the same ticks may come again. */
function startFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // "pid (name) state …": the name may hold spaces and brackets, so count from its closing one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${fields[19]}`;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ESRCH') return undefined;
    if (code === 'ENOENT') return hasProcess(pid) ? UNKNOWN : undefined;
    if (code === 'EACCES' || code === 'EPERM') return UNKNOWN; // a hidden /proc
    throw error;
  }
}
