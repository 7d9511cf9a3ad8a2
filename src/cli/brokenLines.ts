// What is said of the lines of a log that are broken.
import type { Terminal } from './context.js';

/** Broken lines as a command reports them: all are counted, the first are named. */
interface Broken {
  readonly broken: number;
  readonly brokenLines: readonly { readonly line: number; readonly reason: string }[];
}

/** Names at most `most` broken lines on standard error, and says how many more there are. */
export function tellBrokenLines({ message }: Terminal, { broken, brokenLines }: Broken, most: number): void {
  const named = brokenLines.slice(0, most);
  for (const { line, reason } of named) message(`line ${line} is broken: ${reason}\n`);
  if (broken > named.length) message(`${broken - named.length} more lines are broken\n`);
}
