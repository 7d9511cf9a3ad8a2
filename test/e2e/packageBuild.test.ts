// The build as users of a checkout meet it: several commands may build at once, and what was deleted must not be served.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { startProcess } from '../servers/childProcess.js';
import { newFolder } from '../servers/runFolder.js';

const root = join(__dirname, '..', '..');
let project: string;

// The real build script and settings over two small sources.
beforeEach(() => {
  project = newFolder('build');
  for (const file of ['tsconfig.json', 'tsconfig.build.json', 'package.json', 'scripts/build.mjs']) {
    cpSync(join(root, file), join(project, file));
  }
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
  mkdirSync(join(project, 'src'));
  source('one', 'export const one = 1;');
  source('two', 'export const two = 2;');
});

const source = (name: string, text: string) => writeFileSync(join(project, 'src', `${name}.ts`), text);
const built = () =>
  readdirSync(join(project, 'dist'))
    .filter((name) => name.endsWith('.js'))
    .sort();

async function build(...args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = await startProcess(process.execPath, [join(project, 'scripts', 'build.mjs'), ...args]);
  const { code } = await child.exit;
  expect(child.stdout()).toBe(''); // it belongs to the command that builds
  return { code, output: child.stderr() };
}

it('four builds at once in a fresh checkout all succeed and leave one whole build', async () => {
  const builds = await Promise.all(['--if-stale', '--if-stale', '--if-stale', '--if-stale'].map((arg) => build(arg)));
  expect(builds).toEqual(Array.from({ length: 4 }, () => ({ code: 0, output: '' })));
  expect(built()).toEqual(['one.js', 'two.js']);
  expect(readdirSync(join(project, '.build'))).toEqual([]);
});

it('a deleted source leaves no output behind, and a fresh build is not made again', async () => {
  await build('--if-stale');
  const stamp = () => readFileSync(join(project, 'dist', 'one.js'), 'utf8');
  writeFileSync(join(project, 'dist', 'one.js'), '// untouched');
  await build('--if-stale');
  expect(stamp()).toBe('// untouched');

  rmSync(join(project, 'src', 'two.ts'));
  await build('--if-stale');
  expect(built()).toEqual(['one.js']);

  writeFileSync(join(project, 'dist', 'leftover.js'), '');
  await build();
  expect(built()).toEqual(['one.js']);
});

it('a build that fails says why, exits 1 and leaves the last good build in place', async () => {
  await build();
  source('two', 'export const two: string = 2;');
  const { code, output } = await build('--if-stale');
  expect(code).toBeGreaterThan(0);
  expect(output).toMatch(/two\.ts.*TS2322/);
  expect(built()).toEqual(['one.js', 'two.js']);
  expect(existsSync(join(project, '.build', 'dist'))).toBe(false);
});
