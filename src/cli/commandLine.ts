// The command line as a function: reads the arguments, runs the command, turns what it throws into lines and an exit status.
import { Command, CommanderError } from 'commander';
import { type Config, type Environment, readConfig } from '../config.js';
import { TallygateError } from '../core/errors.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addMigrateCommand } from './commands/migrate.js';
import { addPeriodCommand } from './commands/period.js';
import { addQuarantineCommand } from './commands/quarantine.js';
import { addQuotaCommand } from './commands/quota.js';
import { addReconcileCommand } from './commands/reconcile.js';
import { addReplayCommand } from './commands/replay.js';
import { addServeCommand } from './commands/serve.js';
import { addSimulateCommand } from './commands/simulate.js';
import { addUsageCommand } from './commands/usage.js';
import { addUserCommand } from './commands/user.js';
import type { CommandContext, ExitStatus, Terminal } from './context.js';
import type { Installation } from './installation.js';

/** What the command line runs on. */
export interface CommandLineParts {
  readonly terminal: Terminal;
  readonly env: Environment;
  /** Makes the installation that the environment describes; loaded late, since help and wrong usage need none. */
  readonly open: (config: Config) => Promise<Installation>;
  /** Runs the server until it is told to stop; loaded late as well. */
  readonly serve: (config: Config) => Promise<ExitStatus>;
}

/** Runs one command line (without the program's own name) and returns its exit status. Never throws. */
export async function runCommandLine(parts: CommandLineParts, args: readonly string[]): Promise<ExitStatus> {
  let status: ExitStatus = 0;
  const context: CommandContext = {
    terminal: parts.terminal,
    config: () => readConfig(parts.env),
    withInstallation: (work) => withInstallation(parts, work),
    serve: () => parts.serve(readConfig(parts.env)),
    setExitStatus: (asked) => {
      status = asked;
    },
  };
  try {
    await programOf(context).parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    return failed(error, parts);
  }
}

function programOf(context: CommandContext): Command {
  const { terminal } = context;
  // Both are inherited by the commands that are added after them.
  const program = new Command('tallygate')
    .description('Per-tenant usage metering and quotas.')
    .exitOverride()
    .configureOutput({ writeOut: terminal.result, writeErr: terminal.message });
  addServeCommand(program, context);
  addMigrateCommand(program, context);
  addUsageCommand(program, context);
  addPeriodCommand(program, context);
  addQuotaCommand(program, context);
  addReplayCommand(program, context);
  addSimulateCommand(program, context);
  addDoctorCommand(program, context);
  addReconcileCommand(program, context);
  addQuarantineCommand(program, context);
  addUserCommand(program, context);
  return program;
}

async function withInstallation<T>(
  parts: CommandLineParts,
  work: (installation: Installation) => Promise<T>,
): Promise<T> {
  const installation = await parts.open(readConfig(parts.env));
  try {
    return await work(installation);
  } finally {
    await installation.close();
  }
}

/** Says what went wrong, one line for each fault. What is no error of ours is a defect, and shown with its stack. */
function failed(error: unknown, { terminal, env }: CommandLineParts): ExitStatus {
  // Commander has written its message already, and help is no failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof TallygateError)) {
    terminal.message(`${error instanceof Error ? error.stack : String(error)}\n`);
    return 1;
  }
  const { LOG_LEVEL } = env;
  const lines = error.faults.map((fault) => `${fault.location}: ${fault.message}`);
  for (const line of lines.length === 0 ? [error.message] : lines) terminal.message(`${oneLine(line)}\n`);
  if (LOG_LEVEL === 'debug' || LOG_LEVEL === 'trace') terminal.message(`${error.stack}\n`);
  return error.code === 'invalid_request' ? 2 : 1;
}

const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' ');
