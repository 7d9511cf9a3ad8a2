// One run of one part of the bench: a folder of its own, what it says while it measures, and the end of whatever it started.
import { beginRun, endRun } from '../test/servers/runFolder.js';

/** What a part is given. */
export interface Run {
  /** Tells a person that waits, on stderr. */
  readonly say: (message: string) => void;
  /** Remembers what has to be ended, the last first, also where the run is stopped by a signal. */
  readonly atEnd: (end: () => Promise<unknown>) => void;
}

/** A part: takes the arguments after its name, and resolves with what is printed. Rejects where what must hold does not. */
export type Part = (args: readonly string[], run: Run) => Promise<string>;

/** Runs a part to its end. */
export async function runPart(part: Part, args: readonly string[]): Promise<void> {
  const say = (message: string) => void process.stderr.write(`bench: ${message}\n`);
  const ends: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    const failures: unknown[] = [];
    // Whatever one of them fails of, the others end: a server that is left would hold the process open.
    for (const end of ends.splice(0).reverse()) await end().catch((error: unknown) => failures.push(error));
    endRun();
    if (failures.length > 0)
      throw new AggregateError(failures, `not ended as it should be: ${failures.map(String).join(', ')}`);
  };
  beginRun();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      say(`stopped by ${signal}`);
      void stop().finally(() => process.exit(1));
    });
  }
  try {
    process.stdout.write(await part(args, { say, atEnd: (end) => ends.push(end) }));
  } finally {
    await stop();
  }
}
