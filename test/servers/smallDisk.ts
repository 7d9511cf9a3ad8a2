// A file system of its own with room for so many megabytes, for what happens when a disk is full. A tmpfs: mounted where we may (as
// root), else in a mount namespace of a process of ours that is entered through /proc. Never "cannot mount, so skip".
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, existsSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type StartedProcess, startProcess } from './childProcess.js';
import { newFolder } from './runFolder.js';

const REMEDY =
  'The tests of full disks need a file system of their own: run them as root with the right to mount (in a container ' +
  '`--cap-add SYS_ADMIN`), or where unprivileged user namespaces are allowed (`unshare -Urm true` says whether).';
const CHUNKS = [1024 * 1024, 4096, 1];

export interface SmallDisk {
  /** Its root, writable for everybody. */
  readonly folder: string;
  /** Takes all that is left. */
  fill(): void;
  /** Gives back what `fill` took. */
  giveSpace(): void;
  /** Unmounts. What uses it must have ended. */
  remove(): Promise<void>;
}

export async function smallDisk(megabytes: number): Promise<SmallDisk> {
  const { folder, unmount } = await mounted(newFolder('disk'), megabytes);
  const filler = join(folder, 'filler');
  return {
    folder,
    fill: () => fill(filler),
    giveSpace: () => rmSync(filler, { force: true }),
    remove: unmount,
  };
}

async function mounted(point: string, megabytes: number): Promise<{ folder: string; unmount: () => Promise<void> }> {
  const words = ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0777`, 'tmpfs', point];
  const direct = run('mount', words);
  if (direct.status === 0) {
    const unmount = async () => {
      const { status, stderr } = run('umount', [point]);
      if (status === 0) return;
      // Gone as soon as its last file is closed: nothing may be left of it even where a test failed.
      run('umount', ['--lazy', point]);
      throw new Error(`${point} was still in use: ${stderr}`);
    };
    return { folder: point, unmount };
  }
  const keeper = await inNamespace(words, point);
  return { folder: `/proc/${keeper.pid}/root${point}`, unmount: () => keeper.end() };
}

const run = (command: string, words: readonly string[]) => spawnSync(command, words, { encoding: 'utf8' });

/** The mount lives as long as the process. */
async function inNamespace(words: readonly string[], point: string): Promise<StartedProcess> {
  chmodSync(point, 0o777);
  const script = 'mount "$@" && echo mounted && exec cat';
  const keeper = await startProcess('unshare', ['-Urm', 'sh', '-c', script, 'sh', ...words]);
  try {
    await keeper.waitForLine(/^mounted$/);
  } catch (cause) {
    await keeper.end();
    throw new Error(REMEDY, { cause });
  }
  if (!existsSync(`/proc/${keeper.pid}/root${point}`)) throw new Error(REMEDY);
  return keeper;
}

function fill(path: string): void {
  const file = openSync(path, 'a');
  try {
    for (const bytes of CHUNKS) {
      const chunk = Buffer.alloc(bytes);
      try {
        while (writeSync(file, chunk) > 0);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      }
    }
  } finally {
    closeSync(file);
  }
  if (statfsSync(path).bavail > 0) throw new Error(`${path} did not fill its disk`);
}
