// `npm run bench -- [part] [options]`: measures on this machine, now. It knows no figure and chooses no winner.
import { apply } from './apply.js';
import { journal } from './journal.js';
import { queries } from './queries.js';
import { requests } from './requests.js';
import { type Part, runPart } from './run.js';
import { writers } from './writers.js';
import { year } from './year.js';

/** What is measured, by the name that it is asked for. Without a name: requests. */
const PARTS: Readonly<Record<string, Part>> = { requests, apply, writers, queries, journal, year };

async function main([name, ...rest]: readonly string[]): Promise<void> {
  if (name === undefined || name.startsWith('--')) {
    await runPart(requests, name === undefined ? [] : [name, ...rest]);
    return;
  }
  const part = PARTS[name];
  if (part === undefined) throw new Error(`expected one of ${Object.keys(PARTS).join(', ')}, got ${name}`);
  await runPart(part, rest);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? `${error.stack}` : String(error)}\n`);
  process.exitCode = 1;
});
