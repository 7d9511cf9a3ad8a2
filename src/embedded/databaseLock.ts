// One process at a time on the embedded database: PGlite makes no lock of its own, and two processes on one folder destroy each
// other's data.
//
// A lock file names its holder and is never taken away while it counts. Each take-over makes the next file of a series
// (`postgres.lock-1`, `-2`, …) by link(), which exactly one of any number of starters can; the highest number counts, and says
// `null` once it was released. Removing or renaming a stale file instead would leave an instant in which a third starter finds none.
// Holders are told apart by pid and start time on this machine: processes in different containers or on different machines that
// share one folder do not see each other. Do not share it that way.
import { randomBytes } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationFault, TallygateError } from '../core/errors.js';
import { codeOf } from './dataFolder.js';
import { isAlive, ownIdentity, type ProcessIdentity } from './processIdentity.js';

/** Held from {@link lockDatabase} until `release`. */
export interface DatabaseLock {
  /** The folder of the embedded database, which the holder alone may open. It need not exist yet. */
  readonly databaseFolder: string;
  /** Lets the next process in. Again: does nothing. */
  release(): void;
}

const DATABASE = 'postgres';
const SERIES = /^postgres\.lock-(\d+)$/;
const UNFINISHED = /^postgres\.lock\.new-/;
const UNFINISHED_FOR_MS = 60_000;
// Each attempt fails only because another starter got further; that many in a row is no race any more.
const MOST_ATTEMPTS = 1_000;

/**
 * Takes the lock on the database in an existing data folder. A holder that was killed is noticed at once.
 *
 * @throws TallygateError `folder_locked` with the pid of the process that holds it, `invalid_configuration` where the file
 * system knows no hard links.
 */
export function lockDatabase(dataFolder: string): DatabaseLock {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const number = highestNumber(dataFolder);
    const holder = number === 0 ? null : readHolder(lockFile(dataFolder, number));
    if (holder === 'gone') continue;
    if (holder !== null && isAlive(holder)) throw locked(dataFolder, holder);
    if (claim(dataFolder, number + 1)) return held(dataFolder, number + 1);
  }
  throw new TallygateError('folder_locked', `${dataFolder}: its lock changed hands ${MOST_ATTEMPTS} times; try again`);
}

function held(dataFolder: string, number: number): DatabaseLock {
  clearUp(dataFolder, number);
  let released = false;
  return {
    databaseFolder: join(dataFolder, DATABASE),
    release: () => {
      if (released) return;
      released = true;
      // The folder may have been removed under a running process, and made again by another, which holds that number now.
      if (!isOwn(readHolder(lockFile(dataFolder, number)))) return;
      // Replaced, not removed: numbers must not start again while a slow starter still thinks of an old one.
      renameSync(writeUnfinished(dataFolder, null), lockFile(dataFolder, number));
    },
  };
}

function isOwn(holder: ProcessIdentity | null | 'gone'): boolean {
  if (holder === null || holder === 'gone') return false;
  const { pid, startedAt } = ownIdentity();
  return holder.pid === pid && holder.startedAt === startedAt;
}

/** Whether this process now holds the lock with `number`. */
function claim(dataFolder: string, number: number): boolean {
  const unfinished = writeUnfinished(dataFolder, ownIdentity());
  const file = lockFile(dataFolder, number);
  try {
    linkSync(unfinished, file);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST' || code === 'ENOENT') return false; // another was first
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS' || code === 'EMLINK')
      throw noLinks(dataFolder, error);
    throw error;
  } finally {
    rmSync(unfinished, { force: true });
  }
  // A starter that slept since it looked may have made a number that has been used and cleared up already: then its predecessor
  // is gone too (they go in ascending order), and a higher one counts.
  const late = number > 1 && readHolder(lockFile(dataFolder, number - 1)) === 'gone';
  if (!late && highestNumber(dataFolder) === number) return true;
  rmSync(file, { force: true });
  return false;
}

function highestNumber(dataFolder: string): number {
  return numbers(dataFolder).at(-1) ?? 0;
}

function numbers(dataFolder: string): number[] {
  const all = readdirSync(dataFolder).map((name) => Number(SERIES.exec(name)?.[1] ?? 0));
  return all.filter((number) => number > 0).sort((a, b) => a - b);
}

function clearUp(dataFolder: string, current: number): void {
  for (const number of numbers(dataFolder)) {
    if (number < current) rmSync(lockFile(dataFolder, number), { force: true });
  }
  for (const name of readdirSync(dataFolder).filter((name) => UNFINISHED.test(name))) {
    const path = join(dataFolder, name);
    // Of a starter that was killed between two calls; a living one needs its own for microseconds.
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (age > UNFINISHED_FOR_MS) rmSync(path, { force: true });
  }
}

function writeUnfinished(dataFolder: string, holder: ProcessIdentity | null): string {
  const path = join(dataFolder, `postgres.lock.new-${process.pid}-${randomBytes(6).toString('hex')}`);
  writeFileSync(path, `${JSON.stringify(holder)}\n`, { flag: 'wx', mode: 0o600 });
  return path;
}

/** `null`: released, or a file that lost its content with the power. */
function readHolder(path: string): ProcessIdentity | null | 'gone' {
  try {
    const holder: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isIdentity(holder) ? holder : null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'gone';
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('startedAt' in value)) return false;
  return Number.isSafeInteger(value.pid) && Number(value.pid) > 0 && typeof value.startedAt === 'string';
}

function lockFile(dataFolder: string, number: number): string {
  return join(dataFolder, `${DATABASE}.lock-${number}`);
}

function locked(dataFolder: string, { pid }: ProcessIdentity): TallygateError {
  const who = pid === process.pid ? `this process itself (${pid})` : `process ${pid}`;
  return new TallygateError(
    'folder_locked',
    `${dataFolder} is in use by ${who}: the embedded database serves one process at a time. ` +
      `Stop that process, or give this one another folder (TALLYGATE_DATA_DIR), or a PostgreSQL (DATABASE_URL).`,
  );
}

function noLinks(dataFolder: string, cause: unknown): TallygateError {
  const message = `expected a file system with hard links, which the lock of the embedded database needs, got ${dataFolder}`;
  return configurationFault([{ location: 'TALLYGATE_DATA_DIR', message }], cause);
}
