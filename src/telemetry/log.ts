// The log of the server, of an app's instance and of commands: lines of JSON on stderr, so that stdout holds what a person or a
// script reads.
import { destination, type Logger, pino } from 'pino';

/** Makes the log. Written at once: the last line before an exit is the one that matters. */
export function createLog(level: string): Logger {
  return pino({ level, base: { name: 'tallygate', pid: process.pid } }, destination({ dest: 2, sync: true }));
}
