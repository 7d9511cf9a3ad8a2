// `tallygate user erase TENANT USER`: forgets a user of a tenant; no count changes.
import type { Command } from 'commander';
import { invalidRequest } from '../../core/errors.js';
import { tenantIdFault, userIdFault } from '../../core/tenantId.js';
import type { CommandContext } from '../context.js';

export function addUserCommand(program: Command, context: CommandContext): void {
  program
    .command('user')
    .description('users of a tenant')
    .command('erase')
    .description('forget a user: no count changes, and who comes back under the same id counts as somebody new')
    .argument('<tenant>')
    .argument('<user>', 'the user’s id, as the app names it')
    .option('--json', 'the result as JSON')
    .action((tenantId: string, userId: string, options: { readonly json?: true }) =>
      erase(context, tenantId, userId, options),
    );
}

async function erase(
  { terminal, withInstallation }: CommandContext,
  tenantId: string,
  userId: string,
  { json }: { readonly json?: true },
): Promise<void> {
  const given = [
    { location: 'tenant', message: tenantIdFault(tenantId) },
    { location: 'user', message: userIdFault(userId) },
  ];
  const faults = given.flatMap(({ location, message }) => (message === undefined ? [] : [{ location, message }]));
  if (faults.length > 0) throw invalidRequest(faults);
  const months = await withInstallation(async (installation) => {
    await installation.ready();
    return installation.eraseUser(tenantId, userId);
  });
  const text =
    months === 0 ? 'Nothing is kept of this user.' : `Erased: ${months} months in which the user was active.`;
  terminal.result(json ? `${JSON.stringify({ tenantId, months })}\n` : `${text}\n`);
}
