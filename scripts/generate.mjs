// Embeds the .lua and .sql files of each folder in one TypeScript file beside them (`<folder>.generated.ts`), so that one
// `tsc` builds the package and no file is looked up at run time. `--check` writes nothing and fails on any difference.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const check = process.argv.includes('--check');
const EMBEDDED = new Set(['.lua', '.sql']);

function* foldersBelow(folder) {
  yield folder;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) yield* foldersBelow(join(folder, entry.name));
  }
}

const escaped = (text) => text.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${');

function embed(folder, names) {
  const constants = names.map((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return `/** The text of \`${name}\`. */\nexport const ${basename(name, extname(name))} = \`${escaped(text)}\`;\n`;
  });
  return `// Made by \`npm run generate\` from the files beside it: change those, never this one.\n\n${constants.join('\n')}`;
}

const stale = [];
for (const folder of foldersBelow(join(root, 'src'))) {
  const names = readdirSync(folder)
    .filter((name) => EMBEDDED.has(extname(name)))
    .sort();
  const target = join(folder, `${basename(folder)}.generated.ts`);
  if (names.length === 0) {
    if (existsSync(target)) {
      stale.push(relative(root, target)); // its last statement was deleted
      if (!check) rmSync(target);
    }
    continue;
  }
  const text = embed(folder, names);
  if (existsSync(target) && readFileSync(target, 'utf8') === text) continue;
  stale.push(relative(root, target));
  if (!check) writeFileSync(target, text);
}

if (stale.length > 0) {
  console.error(
    check
      ? `Not equal to a rebuild: ${stale.join(', ')}. Run \`npm run generate\` and commit.`
      : `Wrote ${stale.join(', ')}.`,
  );
  if (check) process.exitCode = 1;
}
