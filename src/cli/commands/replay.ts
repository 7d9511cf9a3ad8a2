// `tallygate replay FILE --tenant-by ...`: meters an access log, each line at its own time.
import type { Command } from 'commander';
import type { LogSelector } from '../../core/usage/accessLog.js';
import { tellBrokenLines } from '../brokenLines.js';
import type { CommandContext } from '../context.js';
import type { CommandReplaySummary } from '../installation.js';
import { logSelector } from '../logSelector.js';
import { progressBar } from '../progressBar.js';

interface ReplayOptions {
  readonly tenantBy: LogSelector;
  readonly userBy?: LogSelector;
  readonly source?: string;
  readonly again?: true;
  readonly json?: true;
}

export function addReplayCommand(program: Command, context: CommandContext): void {
  program
    .command('replay')
    .description('meter an access log in Common or Combined format; the same log again, grown or not, doubles nothing')
    .argument('<file>', 'a log, packed by gzip or not; - is standard input')
    .requiredOption(
      '--tenant-by <field>',
      'what names the tenant: host, user or path:N (segment N of the path)',
      logSelector,
    )
    .option('--user-by <field>', 'what names the user, by the same words; without it no active users', logSelector)
    .option('--source <name>', 'know the log by this name, not by its first line')
    .option('--again', 'meter the whole log once more')
    .option('--json', 'the summary as JSON')
    .action((file: string, options: ReplayOptions) => replay(context, file, options));
}

async function replay(context: CommandContext, file: string, options: ReplayOptions): Promise<void> {
  const { terminal } = context;
  const bar = terminal.isWatched ? progressBar(terminal.message) : undefined;
  const request = {
    file,
    stdin: terminal.stdin,
    tenantBy: options.tenantBy,
    userBy: options.userBy,
    sourceName: options.source,
    again: options.again === true,
    onProgress: bar?.draw,
  };
  const summary = await context.withInstallation(async (installation) => {
    await installation.ready();
    // Cleared before anything else is written, an error's line included.
    return installation.replayLog(request).finally(() => bar?.clear());
  });
  if (options.json) {
    terminal.result(`${JSON.stringify(summary)}\n`);
    return;
  }
  tellBrokenLines(terminal, summary, summary.brokenLines.length);
  terminal.result(
    summaryText(summary)
      .map((line) => `${line}\n`)
      .join(''),
  );
}

/** Every count, also where it is 0: the summary is kept as evidence of what was billed. */
function summaryText(summary: CommandReplaySummary): string[] {
  const days = summary.firstDate === undefined ? '' : `, ${summary.firstDate} to ${summary.lastDate}`;
  const lines = [
    `${summary.lines} lines read, ${summary.alreadyMetered} passed over as metered before`,
    `${summary.metered} requests metered, ${summary.tenants} tenants${days}`,
    `${summary.withoutTenant} without a tenant`,
    `${summary.broken} broken`,
  ];
  return summary.unfinishedLine ? [...lines, 'The last line is not whole yet: it waits for the next replay.'] : lines;
}
