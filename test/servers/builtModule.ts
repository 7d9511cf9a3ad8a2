// The built code, for processes that tests start: Node 20 cannot run TypeScript. `npm test` builds it first.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The absolute path of `dist/<name>.js`. */
export function builtModule(name: string): string {
  const path = join(process.cwd(), 'dist', `${name}.js`);
  if (!existsSync(path)) throw new Error(`${path} is missing: run "npm run build", or the tests by "npm test"`);
  return path;
}
