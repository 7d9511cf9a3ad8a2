// The admin token of a first start: a file that only its owner can read, made once even when several processes start at once.
import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TallygateError } from '../core/errors.js';
import { codeOf } from './dataFolder.js';

/** The file's name in the data folder. */
export const ADMIN_TOKEN_FILE = 'admin-token';

const TOKEN_BYTES = 32;
// What a header can carry, and long enough not to be guessed: a team may put a token of its own into the file.
const USABLE = /^[\x21-\x7e]{16,512}$/;

/**
 * The token in `admin-token` (mode 0600) of an existing data folder. `made`: it was made by this very call, the one time to show it.
 * A made one is `tg_` and 32 random bytes in base64url, so that a secret scanner knows it.
 *
 * @throws TallygateError `invalid_configuration` where the file holds nothing that can be a token.
 */
export function readOrMakeAdminToken(dataFolder: string): { token: string; made: boolean } {
  const path = join(dataFolder, ADMIN_TOKEN_FILE);
  const there = readToken(path);
  if (there !== undefined) return { token: there, made: false };

  const token = `tg_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
  const unfinished = `${path}.new-${process.pid}-${randomBytes(6).toString('hex')}`;
  writeFileSync(unfinished, `${token}\n`, { flag: 'wx', mode: 0o600 });
  try {
    // The name appears together with the whole content, for one of several processes only.
    linkSync(unfinished, path);
    return { token, made: true };
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const winner = readToken(path);
    if (winner === undefined) throw error; // removed between two calls: somebody else is at work here
    return { token: winner, made: false };
  } finally {
    rmSync(unfinished, { force: true });
  }
}

function readToken(path: string): string | undefined {
  let token: string;
  try {
    token = readFileSync(path, 'utf8').trim();
    if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  if (USABLE.test(token)) return token;
  throw new TallygateError(
    'invalid_configuration',
    `${path}: expected a token of 16 to 512 visible characters, got something else; remove the file, and the next start makes a new one`,
  );
}
