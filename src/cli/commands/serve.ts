// `tallygate serve`: the standalone server, until SIGTERM or SIGINT.
import type { Command } from 'commander';
import type { CommandContext } from '../context.js';

export function addServeCommand(program: Command, context: CommandContext): void {
  program
    .command('serve')
    .description('run the server; everything else about it is in the environment')
    .action(async () => context.setExitStatus(await context.serve()));
}
