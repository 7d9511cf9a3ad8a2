// What a command works with: where results and messages go, the configuration, the installation, and how it ends.
import type { Readable } from 'node:stream';
import type { Config } from '../config.js';
import type { Installation } from './installation.js';

/** Where the command reads and writes. */
export interface Terminal {
  readonly stdin: Readable;
  /** Standard output: results alone, so that they can be piped. */
  readonly result: (text: string) => void;
  /** Standard error: messages and progress. */
  readonly message: (text: string) => void;
  /** Whether somebody watches standard error. */
  readonly isWatched: boolean;
}

/** Done; failed; wrong usage. */
export type ExitStatus = 0 | 1 | 2;

/** See the head of this file. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** @throws TallygateError `invalid_configuration` with all faults of the environment */
  config(): Config;
  /** Makes the installation for `work`, not ready yet, and closes it afterwards, whatever happens. */
  withInstallation<T>(work: (installation: Installation) => Promise<T>): Promise<T>;
  /** Runs the server until it is told to stop, and says how it ended. */
  serve(): Promise<ExitStatus>;
  /** For commands whose answer is in the status. */
  setExitStatus(status: ExitStatus): void;
}
