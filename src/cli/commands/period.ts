// `tallygate period close|show TENANT MONTH`: keeps a month as it is invoiced, and shows what has arrived for it since.
import type { Command } from 'commander';
import { invalidRequest } from '../../core/errors.js';
import { tenantIdFault } from '../../core/tenantId.js';
import type { FigureChanges, MonthReport } from '../../core/usage/closedMonth.js';
import type { CommandContext } from '../context.js';
import type { Installation } from '../installation.js';
import { textTable } from '../textTable.js';

interface PeriodOptions {
  readonly json?: true;
}

/** Who closes from a command line: who that is, the machine's own log knows. */
const AUTHOR = 'cli';

export function addPeriodCommand(program: Command, context: CommandContext): void {
  const period = program.command('period').description('close a month of a tenant, and see what came later');
  const add = (name: string, description: string, ask: Ask): void => {
    period
      .command(name)
      .description(description)
      .argument('<tenant>')
      .argument('<month>', 'YYYY-MM, over in the tenant’s time zone')
      .option('--json', 'as the usage API answers it')
      .action((tenantId: string, month: string, options: PeriodOptions) =>
        show(context, tenantId, month, { ask, options }),
      );
  };
  add('close', 'keep the month as it is reported now; what comes later is shown apart', (periods, tenantId, month) =>
    periods.close(tenantId, month, AUTHOR),
  );
  add('show', 'the month as it was closed, and what has come since', (periods, tenantId, month) =>
    periods.read(tenantId, month),
  );
}

type Ask = (periods: Installation['closedPeriods'], tenantId: string, month: string) => Promise<MonthReport>;

async function show(
  context: CommandContext,
  tenantId: string,
  month: string,
  { ask, options }: { readonly ask: Ask; readonly options: PeriodOptions },
): Promise<void> {
  const fault = tenantIdFault(tenantId);
  if (fault !== undefined) throw invalidRequest([{ location: 'tenant', message: fault }]);
  const report = await context.withInstallation(async (installation) => {
    await installation.ready();
    return ask(installation.closedPeriods, tenantId, month);
  });
  context.terminal.result(options.json ? `${JSON.stringify(report, null, 2)}\n` : asText(report));
}

function asText({ tenantId, month, closed, asInvoiced, since, now }: MonthReport): string {
  const row = (name: string, { apiCalls, storageBytes, activeUsers }: FigureChanges): string[] => [
    name,
    ...[apiCalls, storageBytes, activeUsers].map((cell) => cell.toLocaleString('en')),
  ];
  const rows = [['', 'api calls', 'storage bytes', 'active users']];
  if (asInvoiced !== null) rows.push(row('as invoiced', asInvoiced.totals));
  if (since !== null) rows.push(row('since', since.totals));
  rows.push(row('now', now));
  const state = closed === null ? 'open' : `closed ${closed.at} by ${closed.author}`;
  return `${tenantId}, ${month}: ${state}\n${textTable(rows)}`;
}
