// Data folders with an embedded database in them, without paying for its first start each time.
import { cpSync, existsSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { lockDatabase } from '../../src/embedded/databaseLock.js';
import { codeOf, makeDataFolder } from '../../src/embedded/dataFolder.js';
import { openEmbeddedPostgres } from '../../src/embedded/embeddedPostgres.js';
import { newFolder } from './runFolder.js';

/** A data folder of its own whose database is made but empty, and open to nobody: a later start takes 0.3 s instead of 3 s. */
export async function embeddedDataFolder(): Promise<string> {
  const folder = join(newFolder('embedded'), 'data');
  cpSync(await template(), folder, { recursive: true });
  return folder;
}

/** Made once a run; two workers that make it at once both get it. */
async function template(): Promise<string> {
  const own = newFolder('embedded-template');
  const shared = join(dirname(own), 'embedded-template');
  if (existsSync(shared)) return shared;
  const folder = join(own, 'data');
  makeDataFolder(folder);
  await (await openEmbeddedPostgres(lockDatabase(folder))).close();
  try {
    renameSync(folder, shared);
  } catch (error) {
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
  }
  return shared;
}
