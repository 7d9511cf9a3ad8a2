// The lint rule that keeps imports running one way is only as good as its configuration, where the last matching override
// wins and a mistyped folder matches nothing. So every room breaks its rule once here, and must be told whom it hurts.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { newFolder } from '../servers/runFolder.js';
import { type Room, rooms } from './importRooms.js';

const root = join(__dirname, '..', '..');
const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');

interface Diagnostic {
  readonly category: string;
  readonly message: string;
  readonly location: { readonly path: string; readonly start: { readonly line: number } };
}

let folder: string;
let diagnostics: readonly Diagnostic[];

// One import a line, so that the line of a diagnostic names the specifier; the ways to write one take turns.
function probeText({ refused, allowed }: Room): string {
  const forms = [
    (name: string, specifier: string) => `import { ${name} } from '${specifier}';`,
    (name: string, specifier: string) => `import type { ${name} } from '${specifier}';`,
    (name: string, specifier: string) => `export { ${name} } from '${specifier}';`,
    (name: string, specifier: string) => `export const ${name} = () => import('${specifier}');`,
  ];
  const lines = [...refused, ...allowed].map((specifier, index) => forms[index % 4]?.(`name${index}`, specifier));
  return `${lines.join('\n')}\n`;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

beforeAll(() => {
  folder = newFolder('imports');
  copyFileSync(join(root, 'biome.json'), join(folder, 'biome.json'));
  for (const room of rooms) write(room.file, probeText(room));
  write('src/core/time/ring.ts', "import type { Stone } from './stone.js';\nexport type Ring = Stone | undefined;\n");
  write('src/core/time/stone.ts', "import type { Ring } from './ring.js';\nexport type Stone = { ring: Ring };\n");
  write('src/stores/redis/requires.ts', "export const pg = require('pg');\n");
  const args = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '.'];
  const result = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  if (!result.stdout.startsWith('{')) throw new Error(`biome said nothing to read: ${result.stdout}${result.stderr}`);
  diagnostics = (JSON.parse(result.stdout) as { diagnostics: Diagnostic[] }).diagnostics;
});

function refusalsIn(room: Room): Map<string, string> {
  const specifiers = [...room.refused, ...room.allowed];
  return new Map(
    diagnostics
      .filter((one) => one.category === 'lint/style/noRestrictedImports' && one.location.path === room.file)
      .map((one) => [specifiers[one.location.start.line - 1] ?? '?', one.message]),
  );
}

describe('imports run one way', () => {
  it.each(rooms)('$file may import its own floor and below, and nothing else', (room) => {
    expect([...refusalsIn(room).keys()].sort()).toEqual([...room.refused].sort());
  });

  it.each(rooms)('a refusal in $file says whom the rule protects', (room) => {
    for (const message of refusalsIn(room).values()) expect(message).toContain(room.protects);
  });

  it('require, which the rule does not see, is refused in sources', () => {
    const required = diagnostics.filter((one) => one.category === 'lint/style/noCommonJs');
    expect(required.map((one) => one.location.path)).toEqual(['src/stores/redis/requires.ts']);
  });

  it('a cycle of types alone is a cycle', () => {
    const cyclic = diagnostics
      .filter((one) => one.category === 'lint/suspicious/noImportCycles')
      .filter((one) => one.location.path.startsWith('src/core/time/'));
    expect(cyclic.map((one) => one.location.path).sort()).toEqual(['src/core/time/ring.ts', 'src/core/time/stone.ts']);
  });
});
