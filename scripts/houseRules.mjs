// House rules that no tool of ours knows. Each is a small program, and its message names the remedy.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';

const NOT_OURS = new Set(['.git', '.build', '.tallygate', 'coverage', 'dist', 'node_modules', 'package-lock.json']);
const BINARY = new Set(['.gz', '.png', '.ico', '.woff2', '.tgz']);
const LONGEST_FILE = 300;

function* filesBelow(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (NOT_OURS.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile() && !BINARY.has(extname(entry.name))) yield path;
  }
}

const inCode = (path) => /\.(ts|mts|mjs|js)$/.test(path);
const inSource = (path) => path.startsWith('src/') && path.endsWith('.ts') && !path.endsWith('.generated.ts');
const inTests = (path) => /\.test\.ts$/.test(path);
// Written in two halves, so that this file does not break its own rules.
const word = (...parts) => parts.join('');

/** Rules on one line of text: where they hold, what they refuse, what to do instead. */
const LINE_RULES = [
  {
    holds: inTests,
    refuses: /^\s*(?:it|test|describe|suite|bench)(?:\.\w+)*\.(?:only|skip|todo|skipIf|runIf|fails)\b/,
    remedy: 'a suite that can skip proves nothing: run it always, or delete it',
  },
  {
    holds: inCode,
    refuses: new RegExp(word('\\bas unknown ', 'as\\b')),
    remedy: 'a cast through unknown hides a wrong type: narrow it with a check, or type it where it is made',
  },
  {
    holds: inSource,
    refuses: /\bimport\(\s*['"][^'"]+['"]\s*\)\s*\.(?!then)/,
    remedy: 'the import rule does not see types named this way: write `import type` at the top',
  },
  {
    holds: () => true,
    refuses: new RegExp(word('(?:^|[\\s\'"`(=:])/(?:home|Users|ro', 'ot|work|mnt|media)/\\w')),
    remedy: 'a path of one machine: name it relative to the project, or take it from the environment',
  },
  {
    holds: () => true,
    refuses: new RegExp(word('\\.\\./sha', 'red\\b')),
    remedy: 'the project needs and names nothing outside its own folder',
  },
];

// Loopback, unspecified, and the ranges that RFC 5737 keeps for documents.
const ALLOWED_ADDRESS = /^(?:127\.|0\.0\.0\.0$|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|255\.255\.255\.255$)/;
const ADDRESS = /(?<![\d.\w-])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.\w-])/g;

function lineFaults(path, line, number) {
  const faults = LINE_RULES.filter((rule) => rule.holds(path) && rule.refuses.test(line)).map((rule) => rule.remedy);
  for (const [address] of line.matchAll(ADDRESS)) {
    if (ALLOWED_ADDRESS.test(address)) continue;
    faults.push(`${address}: use loopback, or an address kept for documents (192.0.2.x, 198.51.100.x, 203.0.113.x)`);
  }
  return faults.map((fault) => `${path}:${number}: ${fault}`);
}

function nameFaults(path) {
  const odd = path
    .split('/')
    .find((part) =>
      /^(?:utils?|helpers?|lib|types|interfaces|common|misc|shared)$/i.test(basename(part).split('.')[0] ?? ''),
    );
  if (odd === undefined || !/^(?:src|test|scripts|bench|dashboard)\//.test(path)) return [];
  return [`${path}: "${odd}" collects odds and ends: name it after its one subject, or put each part where it is made`];
}

function lengthFaults(path, lines) {
  // Tests are spared: a table of cases has one idea however long it is.
  if (!inSource(path) || inTests(path) || lines.length <= LONGEST_FILE) return [];
  return [`${path}: ${lines.length} lines; over ${LONGEST_FILE} a second idea has moved in: give it a file of its own`];
}

/** Everything in the project that breaks a house rule, as `path:line: remedy`. */
export function houseFaults(root) {
  return [...filesBelow(root)].flatMap((file) => {
    const path = relative(root, file).replaceAll('\\', '/');
    const lines = readFileSync(file, 'utf8').split('\n');
    return [
      ...nameFaults(path),
      ...lengthFaults(path, lines),
      ...lines.flatMap((line, index) => lineFaults(path, line, index + 1)),
    ];
  });
}
