// Which processes live that were started with a given variable in their environment, whoever their parent is by now.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** `variable` as `NAME=value`. Processes of other users, whose environment is closed to us, are not seen. */
export function livingProcesses(variable) {
  return process.platform === 'linux' ? fromProc(variable) : fromPs(variable);
}

function fromProc(variable) {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // Empty for a zombie: it has ended, and only its parent's look is missing.
      if (!readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(variable)) return [];
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return [{ pid: Number(name), command: command.slice(0, 200) }];
    } catch (error) {
      if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(error.code)) return [];
      throw error;
    }
  });
}

function fromPs(variable) {
  const ps = spawnSync('ps', ['-A', '-E', '-ww', '-o', 'pid=,command='], { encoding: 'utf8' });
  return (ps.stdout ?? '').split('\n').flatMap((line) => {
    const [pid, ...words] = line.trim().split(/\s+/);
    if (!words.includes(variable) || Number(pid) === ps.pid) return [];
    return [{ pid: Number(pid), command: words.slice(0, 5).join(' ') }];
  });
}
