// `npm run bench`: builds what is measured and what measures, then runs it. Node 20 runs no TypeScript, so bench/ is compiled into a
// folder of this run; types are checked by `npm run check`. A signal to us is handed on, so that the bench's servers are stopped.
import { spawn, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const work = join(root, '.build', `bench-${process.pid}`);

/** Runs a script of Node to its end; its output goes to stderr. */
function build(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`${args[0]} ended with ${status}`);
}

function run() {
  const child = spawn(process.execPath, [join(work, 'bench', 'main.js'), ...process.argv.slice(2)], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

try {
  build(join('scripts', 'build.mjs'), '--if-stale');
  build(join('node_modules', 'typescript', 'bin', 'tsc'), '-p', join('bench', 'tsconfig.json'), '--outDir', work);
  process.exitCode = await run();
} finally {
  rmSync(work, { recursive: true, force: true });
}
