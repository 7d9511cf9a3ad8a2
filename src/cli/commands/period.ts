// `tallygate period close|show TENANT MONTH`: keeps a month as it is invoiced, and shows what has arrived for it since.
import type { Command } from 'commander';
import { invalidRequest } from '../../core/errors.js';
import { tenantIdFault } from '../../core/tenantId.js';
import type { FigureChanges, MonthReport } from '../../core/usage/closedMonth.js';
import type { CommandContext } from '../context.js';
import type { Installation } from '../installation.js';
import { textTable } from '../textTable.js';

interface PeriodOptions {
  readonly incomplete?: true;
  readonly json?: true;
}

/** Who closes from a command line: who that is, the machine's own log knows. */
const AUTHOR = 'cli';

export function addPeriodCommand(program: Command, context: CommandContext): void {
  const period = program.command('period').description('close a month of a tenant, and see what came later');
  const add = (name: string, description: string, ask: Ask): Command =>
    period
      .command(name)
      .description(description)
      .argument('<tenant>')
      .argument('<month>', 'YYYY-MM, over in the tenant’s time zone')
      .option('--json', 'as the usage API answers it')
      .action((tenantId: string, month: string, options: PeriodOptions) =>
        show(context, tenantId, month, { ask, options }),
      );
  add(
    'close',
    'keep the calendar month as it is reported now; what comes later is shown apart',
    (periods, tenantId, month, options) =>
      periods.close(tenantId, month, { author: AUTHOR, incomplete: options.incomplete === true }),
  ).option('--incomplete', 'also where more may come: a process has not flushed, or something is known to be missing');
  add('show', 'the month as it was closed, and what has come since', (periods, tenantId, month) =>
    periods.read(tenantId, month),
  );
}

type Ask = (
  periods: Installation['closedPeriods'],
  tenantId: string,
  month: string,
  options: PeriodOptions,
) => Promise<MonthReport>;

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
    return ask(installation.closedPeriods, tenantId, month, options);
  });
  context.terminal.result(options.json ? `${JSON.stringify(report, null, 2)}\n` : asText(report));
}

function asText({ tenantId, month, closed, asInvoiced, since, now, billingMonths }: MonthReport): string {
  const names = (what: 'meters' | 'overage') => [
    ...new Set([asInvoiced?.totals, since?.totals, now].flatMap((figures) => Object.keys(figures?.[what] ?? {}))),
  ];
  const [meters, overages] = [names('meters'), names('overage')];
  const row = (name: string, { apiCalls, storageBytes, activeUsers, ...own }: FigureChanges): string[] => [
    name,
    ...[apiCalls, storageBytes, activeUsers, ...meters.map((meter) => own.meters?.[meter] ?? 0)].map(asNumber),
    ...overages.map((meter) => asNumber(own.overage?.[meter] ?? 0)),
  ];
  const own = [...meters, ...overages.map((meter) => `overage${meter === '' ? '' : ` of ${meter}`}`)];
  const rows = [['', 'api calls', 'storage bytes', 'active users', ...own]];
  if (asInvoiced !== null) rows.push(row('as invoiced', asInvoiced.totals));
  if (since !== null) rows.push(row('since', since.totals));
  rows.push(row('now', now));
  const incomplete = closed?.complete === false ? ', not complete then' : '';
  const state = closed === null ? 'open' : `closed ${closed.at} by ${closed.author}${incomplete}`;
  const billed = billingMonths?.map(({ from, to }) => `${from} to ${to}`).join(', ');
  const note = billed === undefined ? '' : `This is the calendar month; it is billed in ${billed}.\n`;
  return `${tenantId}, ${month}: ${state}\n${textTable(rows)}${note}`;
}

const asNumber = (figure: number): string => figure.toLocaleString('en');
