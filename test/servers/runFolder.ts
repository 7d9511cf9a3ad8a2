// One folder and one name for a test run; whatever tests put on disk lies below it and goes with it.
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RUN_MARKER } from './childProcess.js';

const FOLDER = 'TEST_RUN_FOLDER';

/** Called once by the global setup, before anything starts. */
export function beginRun(): void {
  process.env[RUN_MARKER] ??= randomBytes(4).toString('hex');
  const folder = mkdtempSync(join(tmpdir(), `tallygate-test-${process.env[RUN_MARKER]}-`));
  chmodSync(folder, 0o711); // PostgreSQL of a run as root works in it under another user id
  process.env[FOLDER] = folder;
  // Journals of tests that name no folder of their own.
  process.env.TALLYGATE_DATA_DIR ??= join(folder, 'data');
}

/** Called once, after everything has stopped. */
export function endRun(): void {
  const folder = process.env[FOLDER];
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** The random name of this run: letters and digits. */
export function runName(): string {
  return required(RUN_MARKER);
}

/** A new empty folder below the run's own; it disappears with the run. */
export function newFolder(what = 'files'): string {
  return mkdtempSync(join(required(FOLDER), `${what}-`));
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: tests with servers run in the project "servers"`);
  return value;
}
