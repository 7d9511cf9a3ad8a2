// Each house rule refuses what it names and lets its neighbour pass. The fixtures are put together here, piece by piece, so
// that this file breaks none of the rules itself.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { newFolder } from '../servers/runFolder.js';

const rules = join(__dirname, '..', '..', 'scripts', 'houseRules.mjs');
const pieces = (...parts: readonly string[]) => parts.join('');

const files: Readonly<Record<string, string>> = {
  'src/core/utils.ts': 'export {};\n',
  'src/helpers/x.ts': 'export {};\n',
  'src/core/usage/increments.ts': 'export {};\n',
  'src/long.ts': '//\n'.repeat(301),
  'test/a.test.ts': pieces(
    'it.',
    "skip('later', () => {});\n",
    'describe.',
    "only('x', () => {});\nit.each([])('x', () => {});\n",
  ),
  'src/cast.ts': pieces('export const x = y as unknown ', 'as string;\nexport const z = y as unknown;\n'),
  'src/named.ts': pieces("export type X = import('./y.js')", '.X;\n'),
  'docs/machine.md': pieces(
    'see /ro',
    'ot/notes\nand /home',
    '/someone/x\nbut https://a.example/home/x and src/work/x pass\n',
  ),
  'docs/outside.md': pieces('../sha', 'red/data\n'),
  'docs/address.md': pieces('10.0.', '0.7 and 8.8.', '8.8\n127.0.0.1:3000, 192.0.2.1, 203.0.113.9, version 1.2.3\n'),
  'node_modules/utils.ts': 'export {};\n',
};

let faults: readonly string[];

beforeAll(() => {
  const folder = newFolder('house');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const script = `const { houseFaults } = await import(process.argv[1]); console.log(JSON.stringify(houseFaults(process.argv[2])));`;
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', script, rules, folder], {
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(result.stderr);
  faults = (JSON.parse(result.stdout) as string[]).sort();
});

it('each house rule refuses its example, names the remedy, and lets the neighbouring example pass', () => {
  expect(faults.map((fault) => fault.replace(/(:\d+)?: .*/s, '$1'))).toEqual([
    'docs/address.md:1',
    'docs/address.md:1',
    'docs/machine.md:1',
    'docs/machine.md:2',
    'docs/outside.md:1',
    'src/cast.ts:1',
    'src/core/utils.ts',
    'src/helpers/x.ts',
    'src/long.ts',
    'src/named.ts:1',
    'test/a.test.ts:1',
    'test/a.test.ts:2',
  ]);
  for (const fault of faults) expect(fault.length).toBeGreaterThan(40);
});
