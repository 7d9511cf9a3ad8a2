// `tallygate reconcile [TENANT...]`: whether the ledger agrees with itself, and the counters with what is recorded. What is found is
// written as it is found, so that memory does not grow with what is wrong.
import { type Command, InvalidArgumentError } from 'commander';
import { invalidRequest } from '../../core/errors.js';
import { tenantIdFault } from '../../core/tenantId.js';
import type { CommandContext, Terminal } from '../context.js';
import type { CommandReconciliation, CommandReconciliationSummary } from '../installation.js';
import { reconciliationText, summaryText } from '../reconciliationText.js';

interface ReconcileOptions {
  readonly wait: number;
  readonly days: number;
  readonly json?: true;
}

const MOST_DAYS = 366;
const MOST_WAIT_SECONDS = 3_600;

export function addReconcileCommand(program: Command, context: CommandContext): void {
  program
    .command('reconcile')
    .description(
      'hold the counters and closed days against what is recorded; exit with 1 where something is unexplained; without a tenant: all, and only what is wrong is shown',
    )
    .argument('[tenant...]')
    .option(
      '--wait <seconds>',
      'longest wait for running processes to bring what they have',
      upTo(MOST_WAIT_SECONDS),
      15,
    )
    .option('--days <number>', 'closed days that are looked at', upTo(MOST_DAYS), 31)
    .option('--json', 'as JSON')
    .action((tenantIds: string[], options: ReconcileOptions) => reconcile(context, tenantIds, options));
}

const upTo =
  (most: number) =>
  (text: string): number => {
    if (/^\d{1,5}$/.test(text) && Number(text) <= most) return Number(text);
    throw new InvalidArgumentError(`expected a whole number from 0 to ${most}`);
  };

async function reconcile(
  { terminal, withInstallation, setExitStatus }: CommandContext,
  tenantIds: readonly string[],
  { wait, days, json }: ReconcileOptions,
): Promise<void> {
  const faults = tenantIds.flatMap((tenantId) => {
    const message = tenantIdFault(tenantId);
    return message === undefined ? [] : [{ location: 'tenant', message }];
  });
  if (faults.length > 0) throw invalidRequest(faults);
  const isForAll = tenantIds.length === 0;
  const written = json ? asJson(terminal) : asText(terminal);
  let unexplained = 0;
  const onTenant = (tenant: CommandReconciliation) => {
    const isWrong = tenant.days.length > 0 || tenant.windows.some(({ rest }) => rest !== 0);
    if (isWrong) unexplained += 1;
    if (isWrong || !isForAll) written.tenant(tenant);
  };
  const summary = await withInstallation(async (installation) => {
    await installation.ready();
    const asked = isForAll ? undefined : tenantIds;
    return installation.reconcile({ tenantIds: asked, days, waitMs: wait * 1_000, onTenant });
  });
  written.end(summary, unexplained);
  if (unexplained > 0) setExitStatus(1);
}

/** How what is found is written. */
interface Written {
  tenant(tenant: CommandReconciliation): void;
  end(summary: CommandReconciliationSummary, unexplained: number): void;
}

const asText = ({ result }: Terminal): Written => ({
  tenant: (tenant) => result(reconciliationText(tenant)),
  end: (summary, unexplained) => result(summaryText(summary, unexplained)),
});

function asJson({ result }: Terminal): Written {
  let separator = '{"tenants":[\n';
  const next = () => {
    const present = separator;
    separator = ',\n';
    return present;
  };
  return {
    tenant: (tenant) => result(next() + JSON.stringify(tenant)),
    end: ({ tenants, ...producers }, unexplained) => {
      const opening = separator === ',\n' ? '' : separator;
      const summary = JSON.stringify({ summary: { tenants, unexplained }, ...producers }).slice(1);
      result(`${opening}\n],${summary}\n`);
    },
  };
}
