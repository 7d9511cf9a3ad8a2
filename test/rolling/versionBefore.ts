// The version before this one, as it was packed, for deploys from it and back to it (README.md beside this file).
import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder } from '../servers/runFolder.js';

/** Unpacks it. Returns the path of its command; what it depends on is this checkout's. */
export function versionBefore(): string {
  const folder = newFolder('before');
  const tarball = join(__dirname, 'tallygateBefore.tgz');
  const { status, stderr } = spawnSync('tar', ['-xzf', tarball, '-C', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`tar could not unpack ${tarball}: ${stderr}`);
  symlinkSync(join(__dirname, '..', '..', 'node_modules'), join(folder, 'node_modules'), 'dir');
  return join(folder, 'package', 'bin', 'tallygate.js');
}
