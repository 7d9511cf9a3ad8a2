// The first start of the embedded database, in a process that ends: initdb runs as wasm inside of the process and peaks at some
// 850 MB, which a long-lived process would keep.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TallygateError } from '../core/errors.js';
import { PGLITE_PATH } from './pgliteWorker.js';

const DEADLINE_MS = 120_000;

// Ends with its parent (whose end closes the pipe), so that a killed start leaves no process behind. Its few seconds are too
// short for optimised wasm code to pay: the quick compiler alone halves them.
const SOURCE = `
require('node:v8').setFlagsFromString('--liftoff-only');
process.stdin.on('end', () => process.exit(1)).resume();
const [pglite, folder] = process.argv.slice(1);
require(pglite).PGlite.create(folder).then((db) => db.close()).then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
`;

/**
 * Makes the database where there is none yet. It appears under its name when it is complete; a start that was cut short
 * begins anew. The caller holds the lock.
 *
 * @throws TallygateError `ledger_unavailable`
 */
export async function initialiseDatabase(folder: string): Promise<void> {
  if (existsSync(join(folder, 'PG_VERSION'))) return;
  const prefix = `${basename(folder)}.new-`;
  for (const name of readdirSync(dirname(folder)).filter((name) => name.startsWith(prefix))) {
    rmSync(join(dirname(folder), name), { recursive: true, force: true });
  }
  const unfinished = join(dirname(folder), `${prefix}${randomBytes(6).toString('hex')}`);
  await run(unfinished);
  renameSync(unfinished, folder);
}

function run(folder: string): Promise<void> {
  const { NODE_OPTIONS: _, ...env } = process.env; // a debugger's port, say, is taken by the parent
  const child = spawn(process.execPath, ['-e', SOURCE, PGLITE_PATH, folder], {
    env,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000);
  });
  child.stdin.on('error', () => undefined); // it ended first
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
    const end = (code: number | null, cause?: unknown) => {
      clearTimeout(timer);
      if (code === 0) return resolve();
      const message = `the embedded database could not be made in ${dirname(folder)}: ${said.trim() || `status ${code}`}`;
      reject(new TallygateError('ledger_unavailable', message, { cause }));
    };
    child.once('error', (error) => end(null, error));
    child.once('close', (code) => end(code));
  });
}
