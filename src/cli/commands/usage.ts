// `tallygate usage TENANT --from --to`: what the usage API answers, as a table, JSON or CSV.
import { type Command, Option } from 'commander';
import { type Fault, invalidRequest } from '../../core/errors.js';
import { tenantIdFault } from '../../core/tenantId.js';
import type { Completeness } from '../../core/usage/completeness.js';
import { STORAGE_FIGURES, type StorageFigure } from '../../core/usage/reportedStorage.js';
import { usagePeriodFaults } from '../../core/usage/usagePeriod.js';
import type { UsageFigures, UsageReport } from '../../core/usage/usageReport.js';
import type { CommandContext, Terminal } from '../context.js';
import { csvLine } from '../csv.js';
import { textTable } from '../textTable.js';

interface UsageOptions {
  readonly from?: string;
  readonly to?: string;
  readonly storage: StorageFigure;
  readonly json?: true;
  readonly csv?: true;
}

export function addUsageCommand(program: Command, context: CommandContext): void {
  program
    .command('usage')
    .description('what a tenant used, day by day')
    .argument('<tenant>')
    .option('--from <date>', 'first day, YYYY-MM-DD; without --from and --to: the current month')
    .option('--to <date>', 'last day, YYYY-MM-DD')
    .addOption(new Option('--storage <figure>', 'what is shown of storage').choices(STORAGE_FIGURES).default('average'))
    .option('--json', 'the report as the usage API answers it')
    .addOption(new Option('--csv', 'one line a day').conflicts('json'))
    .action((tenantId: string, options: UsageOptions) => usage(context, tenantId, options));
}

async function usage(context: CommandContext, tenantId: string, options: UsageOptions): Promise<void> {
  const faults = [...tenantFaults(tenantId), ...usagePeriodFaults(options.from, options.to).map(asOption)];
  if (faults.length > 0) throw invalidRequest(faults);
  const { from, to } = options;
  const period = from === undefined || to === undefined ? undefined : { from, to };
  const report = await context.withInstallation(async (installation) => {
    await installation.ready();
    return installation.usageService.query(tenantId, period, options.storage);
  });
  context.terminal.result(formatted(report, options));
  if (!options.json) tellWhatIsMissing(context.terminal, report);
}

function tenantFaults(tenantId: string): Fault[] {
  const message = tenantIdFault(tenantId);
  return message === undefined ? [] : [{ location: 'tenant', message }];
}

const asOption = ({ location, message }: Fault): Fault => ({ location: `--${location}`, message });

function formatted(report: UsageReport, options: UsageOptions): string {
  if (options.json) return `${JSON.stringify(report, null, 2)}\n`;
  return options.csv ? asCsv(report) : asTable(report);
}

/** What is not known is an empty cell: 0 says that something was metered, and came to 0. */
function asCsv(report: UsageReport): string {
  const { tenantId, daily } = report;
  const own = ownColumns(report);
  const names = own.map(({ of, name }) => `${of}_${name}`);
  const heading = csvLine(['tenant_id', 'date', 'api_calls', 'storage_bytes', 'active_users', ...names]);
  const cells = (day: UsageFigures) => [...knownFigures(day), ...own.map(({ figure }) => figure(day))];
  return heading + daily.map((day) => csvLine([tenantId, day.date, ...cells(day).map((cell) => cell ?? '')])).join('');
}

function asTable(report: UsageReport): string {
  const { daily, totals } = report;
  const own = ownColumns(report);
  const row = (name: string, figures: UsageFigures): string[] =>
    [name, ...knownFigures(figures), ...own.map(({ figure }) => figure(figures))].map(
      (cell) => cell?.toLocaleString('en') ?? '-',
    );
  const names = own.map(({ of, name }) => (of === 'meter' ? name : `${name} above`));
  const heading = ['date', 'api calls', 'storage bytes', 'active users', ...names];
  return textTable([heading, ...daily.map((day) => row(day.date, day)), row('total', totals)]);
}

/** A column behind the fixed ones. */
interface OwnColumn {
  readonly of: 'meter' | 'overage';
  readonly name: string;
  /** undefined where nothing is known. */
  readonly figure: (figures: UsageFigures) => number | undefined;
}

/** The team's own meters, then what was above soft limits where anything was. */
function ownColumns({ meters = {}, totals }: UsageReport): OwnColumn[] {
  const ofMeters = Object.keys(meters).map((name): OwnColumn => {
    const figure = ({ meters: known, levels, noData }: UsageFigures): number | undefined => {
      const level = levels?.[name];
      return (level === undefined ? noData : level.coverage === 0) ? undefined : known?.[name];
    };
    return { of: 'meter', name, figure };
  });
  const ofOverage = Object.keys(totals.overage ?? {}).map((name): OwnColumn => {
    return { of: 'overage', name, figure: ({ overage }) => overage?.[name] ?? 0 };
  });
  return [...ofMeters, ...ofOverage];
}

/** Calls, storage, users; undefined where nothing is known. */
function knownFigures({ apiCalls, storageBytes, activeUsers, storageCoverage, noData }: UsageFigures) {
  return [
    noData ? undefined : apiCalls,
    storageCoverage === 0 ? undefined : storageBytes,
    noData ? undefined : activeUsers,
  ];
}

/** For people: figures are on standard output, and so they stay alone there. */
function tellWhatIsMissing(
  { message }: Terminal,
  { complete, gaps, quarantinedRows = 0, asOf }: Completeness & UsageReport,
): void {
  if (complete) return;
  message(`Not complete: as of ${asOf}, more may come.\n`);
  for (const { since, until, records, reason } of gaps) {
    message(`Usage between ${since} and ${until} is missing, of whom is not known: ${records} records, ${reason}\n`);
  }
  if (quarantinedRows > 0) message(`Rows of this tenant in the quarantine: ${quarantinedRows}\n`);
}
