// The process behind `tallygate`: gives the command line its streams and environment. What a command needs is loaded when it
// runs, so that `--help` answers at once.
import type { Config } from '../config.js';
import { runCommandLine } from './commandLine.js';
import type { Installation } from './installation.js';

/** Runs the command that the process was started with, and sets its exit status. */
export async function main(): Promise<void> {
  // A reader that has seen enough (`| head`) closes the pipe: that is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  const terminal = {
    // Touched only by the command that reads it: an open standard input would keep the process alive.
    get stdin() {
      return process.stdin;
    },
    result: (text: string) => void process.stdout.write(text),
    message: (text: string) => void process.stderr.write(text),
    isWatched: process.stderr.isTTY === true,
  };
  process.exitCode = await runCommandLine({ terminal, env: process.env, open, serve }, process.argv.slice(2));
}

async function open(config: Config): Promise<Installation> {
  const { openInstallation } = await import('../tallygate.js');
  return openInstallation(config);
}

async function serve(config: Config) {
  const { serve } = await import('../server/serve.js');
  return serve(config);
}
