// `tallygate reconcile TENANT...`: whether the ledger agrees with itself, and the counters with what is recorded.
import type { Command } from 'commander';
import { invalidRequest } from '../../core/errors.js';
import { tenantIdFault } from '../../core/tenantId.js';
import type { CommandContext } from '../context.js';
import type { CommandReconciliation } from '../installation.js';

export function addReconcileCommand(program: Command, context: CommandContext): void {
  program
    .command('reconcile')
    .description(
      'hold the last 31 closed days and the counters against what is recorded; exit with 1 where a rest is unexplained',
    )
    .argument('<tenant...>')
    .option('--json', 'as JSON')
    .action((tenantIds: string[], options: { readonly json?: true }) => reconcile(context, tenantIds, options));
}

async function reconcile(
  { terminal, withInstallation, setExitStatus }: CommandContext,
  tenantIds: readonly string[],
  { json }: { readonly json?: true },
): Promise<void> {
  const faults = tenantIds.flatMap((tenantId) => {
    const message = tenantIdFault(tenantId);
    return message === undefined ? [] : [{ location: 'tenant', message }];
  });
  if (faults.length > 0) throw invalidRequest(faults);
  const tenants = await withInstallation(async (installation) => {
    await installation.ready();
    const found: CommandReconciliation[] = [];
    for (const tenantId of tenantIds) found.push(await installation.reconcile(tenantId));
    return found;
  });
  terminal.result(json ? `${JSON.stringify({ tenants }, null, 2)}\n` : tenants.map(asText).join(''));
  if (tenants.some(({ windows, days }) => days.length > 0 || windows.some(({ rest }) => rest !== 0))) setExitStatus(1);
}

function asText({ tenantId, windows, days }: CommandReconciliation): string {
  const lines = windows.map(({ name, start, used, held, ledger, pending, unconfirmed, rest }) => {
    const waiting = pending.map(({ producerId, units }) => ` + ${units} pending of ${producerId}`).join('');
    const perhaps = unconfirmed === 0 ? '' : `, ${unconfirmed} unconfirmed`;
    return `${name} from ${start}: used ${used} = ledger ${ledger}${waiting} + held ${held}${perhaps}, unexplained ${rest}`;
  });
  const wrong = days.map(
    ({ usageDate, activeUsers, counted }) => `${usageDate}: ${activeUsers} active users, but rows of ${counted}`,
  );
  const all = [...lines, ...wrong];
  return (all.length === 0 ? ['nothing to compare'] : all).map((text) => `${tenantId}  ${text}\n`).join('');
}
