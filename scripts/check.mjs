// `npm run check`: everything that can be proved without running the product, in well under a minute. One line a check with
// its time; what a failed check said follows its line; exit status 1 if any failed.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { houseFaults } from './houseRules.mjs';

const root = join(import.meta.dirname, '..');
const AT_ONCE = 2;
const LONGEST_CHECK_MS = 180_000;

/** Runs a command of node_modules or a script of ours. Resolves with its output, rejects with it where the status is not 0. */
function run(file, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, file), ...args], { cwd: root, timeout: LONGEST_CHECK_MS });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code, signal) =>
      code === 0 ? resolve(output) : reject(new Error(output.trim() || `ended with ${signal ?? `status ${code}`}`)),
    );
  });
}

const tool = (path) => join('node_modules', path);

/** The tarball that users get, seen with the eyes of each module system and of TypeScript in each of its modes. */
async function packageExports() {
  const folder = mkdtempSync(join(tmpdir(), 'tallygate-check-'));
  try {
    await run('scripts/build.mjs', '--if-stale');
    await npmPack(folder);
    const tarball = join(
      folder,
      readdirSync(folder).find((name) => name.endsWith('.tgz')),
    );
    await run(tool('publint/src/cli.js'), tarball, '--strict');
    await run(tool('@arethetypeswrong/cli/dist/index.js'), tarball, '--no-emoji', '--no-color');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// Without scripts: `prepack` would build once more.
function npmPack(folder) {
  return new Promise((resolve, reject) => {
    const child = spawn('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: root });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.stdout.resume();
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`npm pack failed: ${output}`))));
  });
}

function houseRules() {
  const faults = houseFaults(root);
  if (faults.length > 0) throw new Error(faults.join('\n'));
}

// The longest first, so that the two lanes end together.
const checks = [
  ['package exports', packageExports],
  ['unused code', () => run(tool('knip/bin/knip.js'), '--no-progress')],
  ['types', () => run(tool('typescript/bin/tsc'), '-p', 'tsconfig.json')],
  [
    'lint, format, import direction',
    () => run(tool('@biomejs/biome/bin/biome'), 'ci', '--error-on-warnings', '--colors=off', '.'),
  ],
  ['generated files', () => run('scripts/generate.mjs', '--check')],
  ['house rules', houseRules],
];

let failed = 0;

async function lane(queue) {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const [name, check] = next;
    const startedAt = performance.now();
    const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
    try {
      await check();
      console.log(`ok      ${name} (${seconds()})`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name} (${seconds()})\n${error.message.replaceAll(/^/gm, '        ')}`);
    }
  }
}

const startedAt = performance.now();
const queue = [...checks];
await Promise.all(Array.from({ length: AT_ONCE }, () => lane(queue)));
const total = ((performance.now() - startedAt) / 1000).toFixed(1);
console.log(`${checks.length - failed} checks passed, ${failed} failed (${total} s)`);
process.exitCode = failed === 0 ? 0 : 1;
