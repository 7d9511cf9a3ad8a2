// The data folder: where the embedded database, the admin token and (later) journals lie. Made on first use, for its owner alone.
import { accessSync, constants, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { configurationFault, type TallygateError } from '../core/errors.js';

/** Where data go without `TALLYGATE_DATA_DIR`: below the folder in which the process was started. */
export const DEFAULT_DATA_FOLDER = '.tallygate';

/** The absolute path for `TALLYGATE_DATA_DIR`; unset or empty means {@link DEFAULT_DATA_FOLDER}. Touches no disk. */
export function dataFolderOf(setting: string | undefined): string {
  return resolve(setting === undefined || setting === '' ? DEFAULT_DATA_FOLDER : setting);
}

/**
 * Makes the folder (mode 0700) where it does not exist, and proves that it can be written to.
 *
 * @throws TallygateError `invalid_configuration` that names the folder and `TALLYGATE_DATA_DIR`.
 */
export function makeDataFolder(folder: string): void {
  try {
    if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) {
      // The admin token lies here, and the default folder lies in somebody's checkout.
      writeFileSync(join(folder, '.gitignore'), '*\n', { flag: 'wx' });
    }
    if (!statSync(folder).isDirectory()) throw refused(folder, 'it is not a folder', undefined);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const reason = REASONS[codeOf(error) ?? ''];
    if (reason === undefined) throw error;
    throw refused(folder, reason, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  EEXIST: 'it is not a folder',
  ENOTDIR: 'a part of the path is not a folder',
  ENOSPC: 'the disk is full',
  ENAMETOOLONG: 'the path is too long',
};

function refused(folder: string, reason: string, cause: unknown): TallygateError {
  const message = `expected a folder that this process can write to, got ${folder}: ${reason}`;
  return configurationFault([{ location: 'TALLYGATE_DATA_DIR', message }], cause);
}

/** The code of a system error, as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
