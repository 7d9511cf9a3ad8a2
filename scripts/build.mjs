// Builds dist/ with one `tsc`. With `--if-stale` only where a source is newer than the last build, so that `npm start`,
// `npm test` and the committed bin can call it every time. Output goes to stderr: stdout belongs to the command.
//
// Always from nothing and beside dist, which is then swapped: a deleted source leaves no output behind, and of two builds at
// once (two `npx tallygate` in a fresh checkout) nobody ever loads half of one.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const work = join(root, '.build', String(process.pid));
const INPUTS = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package.json'];
const MOST_SWAPS = 20;

function newest(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  // The folder's own time counts too: a deleted source leaves no newer file behind.
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), stats.mtimeMs);
}

function isFresh() {
  const built = statSync(join(dist, '.built'), { throwIfNoEntry: false });
  return built !== undefined && built.mtimeMs >= Math.max(...INPUTS.map((name) => newest(join(root, name))));
}

/** The status of `tsc`. What it made is in `work`, marked with the time before it read the first source. */
function compile() {
  const startedAt = new Date();
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', join(work, 'dist')];
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2] });
  if (status !== 0) return status ?? 1;
  writeFileSync(join(work, 'dist', '.built'), '');
  utimesSync(join(work, 'dist', '.built'), startedAt, startedAt);
  return 0;
}

/** Renames, and answers whether it could: the target may have been taken, or the source taken away, by another build. */
function renamed(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'EPERM', 'ENOENT'].includes(error.code)) return false;
    throw error;
  }
}

// A dist that another build has put there meanwhile stays where it is fresh: a process may be loading it just now.
function swap(keepFresh) {
  for (let attempt = 0; attempt < MOST_SWAPS; attempt++) {
    if (renamed(join(work, 'dist'), dist)) return;
    if (keepFresh && isFresh()) return;
    renamed(dist, join(work, `old-${attempt}`));
  }
  throw new Error(`dist/ could not be replaced in ${MOST_SWAPS} attempts: something else keeps writing it`);
}

const ifStale = process.argv.includes('--if-stale');
if (!(ifStale && isFresh())) {
  try {
    process.exitCode = compile();
    if (process.exitCode === 0) swap(ifStale);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
