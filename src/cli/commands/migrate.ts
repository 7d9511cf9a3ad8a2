// `tallygate migrate [--status]`: brings the tables of PostgreSQL up to date, or says what is pending.
import type { Command } from 'commander';
import type { CommandContext } from '../context.js';

export function addMigrateCommand(program: Command, context: CommandContext): void {
  program
    .command('migrate')
    .description('apply pending migrations to PostgreSQL')
    .option('--status', 'change nothing; exit with 1 where something is pending')
    .option('--json', 'the result as JSON')
    .action((options: MigrateOptions) => migrate(context, options));
}

interface MigrateOptions {
  readonly status?: true;
  readonly json?: true;
}

async function migrate(context: CommandContext, options: MigrateOptions): Promise<void> {
  const { terminal } = context;
  const say = (lines: readonly string[], json: object): void => {
    terminal.result(options.json ? `${JSON.stringify(json)}\n` : lines.map((line) => `${line}\n`).join(''));
  };
  if (context.config().database === undefined) {
    // The folder is not even opened: a server that holds it may go on.
    say(['Not needed: the embedded database migrates itself.'], { applied: [], pending: [] });
    return;
  }
  await context.withInstallation(async (installation) => {
    if (options.status) {
      const { applied, pending, missing } = await installation.migrationStatus();
      const open = [...pending.map((name) => `pending  ${name}`), ...missing.map((name) => `missing  ${name}`)];
      const rest = open.length === 0 ? ['Nothing is pending.'] : open;
      say([...applied.map((name) => `applied  ${name}`), ...rest], { applied, pending, missing });
      if (open.length > 0) context.setExitStatus(1);
      return;
    }
    const { applied } = await installation.migrate();
    const lines = applied.map((name) => `applied  ${name}`);
    say(lines.length === 0 ? ['Nothing was pending.'] : lines, { applied });
  });
}
