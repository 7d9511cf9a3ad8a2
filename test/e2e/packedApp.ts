// An app of a user's own, far from the checkout: the packed package and a version of Express in an otherwise empty folder.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess } from '../servers/childProcess.js';
import { newFolder } from '../servers/runFolder.js';

export const projectRoot = join(__dirname, '..', '..');

const INSTALL_MS = 90_000;

/** Runs a command to its end and answers with its output; throws with it where the status is not 0. */
export async function output(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const child = await startProcess(command, args, options);
  const timer = setTimeout(() => child.kill('SIGKILL'), INSTALL_MS);
  const { code, signal } = await child.exit;
  clearTimeout(timer);
  if (code === 0) return child.stdout();
  throw new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}:\n${child.stdout()}${child.stderr()}`);
}

/** Packs the present build. Without `prepack`, which would replace the build under tests that run beside this one. */
export async function packProject(): Promise<string> {
  await output(process.execPath, [join(projectRoot, 'scripts', 'build.mjs'), '--if-stale']);
  const folder = newFolder('pack');
  await output('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: projectRoot });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack made no tarball');
  return join(folder, tarball);
}

/** A fresh folder with the tarball and `packages` installed as a user would, and `files` beside them. */
export async function installApp(
  tarball: string,
  packages: readonly string[],
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = newFolder('app');
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'app', private: true }));
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  await output('npm', ['install', ...quick, tarball, ...packages], { cwd: folder });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}
