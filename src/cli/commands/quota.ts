// `tallygate quota get|set TENANT`: which limits hold for a tenant, where it stands, and how to change that.
import { type Command, InvalidArgumentError } from 'commander';
import { wholeNumber } from '../../config/environment.js';
import { hasCode, invalidRequest } from '../../core/errors.js';
import type { LimitState } from '../../core/quota/decision.js';
import { type QuotaReport, quotaReport } from '../../core/quota/quotaReport.js';
import type { SettingPatch } from '../../core/quota/setting.js';
import { tenantIdFault } from '../../core/tenantId.js';
import type { CommandContext } from '../context.js';
import type { Installation } from '../installation.js';
import { textTable } from '../textTable.js';

/** What `--limit NAME=VALUE` says; null ends an override. */
type LimitOptions = Readonly<Record<string, number | 'unlimited' | null>>;

interface SetOptions {
  readonly plan?: string;
  readonly limit?: LimitOptions;
  readonly timeZone?: string;
  readonly billingAnchorDay?: number;
  readonly json?: true;
}

export function addQuotaCommand(program: Command, context: CommandContext): void {
  const quota = program.command('quota').description('read and set the quota of a tenant');
  quota
    .command('get')
    .description('which limits hold for a tenant, and what is left of them')
    .argument('<tenant>')
    .option('--json', 'as the quota API answers it')
    .action((tenantId: string, options: { readonly json?: true }) => show(context, tenantId, undefined, options));
  quota
    .command('set')
    .description('change what is named here of a tenant’s setting; the rest stays')
    .argument('<tenant>')
    .option('--plan <plan>', 'the tenant’s plan')
    .option('--limit <name=value>', 'minute=100, day=unlimited, day=default (the plan’s); repeatable', addLimit)
    .option('--time-zone <zone>', 'an IANA name such as Europe/Berlin')
    .option('--billing-anchor-day <day>', 'the day on which a billing month begins, 1 to 31', wholeOption)
    .option('--json', 'as the quota API answers it')
    .action((tenantId: string, { json, limit, ...others }: SetOptions, command: Command) => {
      const patch: SettingPatch = limit === undefined ? others : { ...others, limits: limit };
      if (Object.keys(patch).length === 0) {
        command.error('error: nothing to set: give --plan, --limit, --time-zone or --billing-anchor-day');
      }
      return show(context, tenantId, patch, json === undefined ? {} : { json });
    });
}

/**
 * Shows the quota, after the change where there is one.
 * @throws TallygateError `tenant_not_found` where there is nothing to show
 */
async function show(
  context: CommandContext,
  tenantId: string,
  patch: SettingPatch | undefined,
  options: { readonly json?: true },
): Promise<void> {
  const fault = tenantIdFault(tenantId);
  if (fault !== undefined) throw invalidRequest([{ location: 'tenant', message: fault }]);
  const report = await context.withInstallation(async (installation) => {
    await installation.ready();
    if (patch !== undefined) await installation.quotaService.merge(tenantId, patch);
    const states = await statesOf(context, installation, tenantId, patch !== undefined);
    // What a counter has charged proves a tenant whose usage is still on its way; otherwise it must be in the ledger, or set.
    if (patch === undefined && !states.some((state) => state.used > 0)) {
      await installation.usageService.query(tenantId, undefined);
    }
    return quotaReport(tenantId, installation.quotaService.quotaOf(tenantId), states);
  });
  context.terminal.result(options.json ? `${JSON.stringify(report, null, 2)}\n` : asText(report));
}

/** A change that was made is done, also where nobody can say what is left: then the figures are missing, and none is invented. */
async function statesOf(
  { terminal }: CommandContext,
  { admission }: Installation,
  tenantId: string,
  changed: boolean,
): Promise<readonly LimitState[]> {
  try {
    return (await admission.look(tenantId)).limits;
  } catch (error) {
    if (!changed || !hasCode(error, 'counter_store_unavailable')) throw error;
    terminal.message(`The setting was changed. What is used and left cannot be shown: ${error.message}\n`);
    return [];
  }
}

function asText({ plan, timeZone, billingAnchorDay, limits }: QuotaReport): string {
  const rows = limits.map((limit) => [
    limit.name,
    limit.limit.toLocaleString('en'),
    limit.source,
    limit.used?.toLocaleString('en') ?? '',
    limit.remaining?.toLocaleString('en') ?? '',
    limit.resetAt ?? '',
  ]);
  const table = textTable([['limit', 'units', 'from', 'used', 'left', 'until'], ...rows]);
  return `plan ${plan}, time zone ${timeZone}, billing month from day ${billingAnchorDay}\n${table}`;
}

function addLimit(text: string, earlier: LimitOptions | undefined): LimitOptions {
  const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Expected NAME=VALUE.');
  return { ...earlier, [name]: limitValue(value) };
}

function limitValue(value: string): number | 'unlimited' | null {
  if (value === 'unlimited') return value;
  if (value === 'default') return null;
  return wholeOption(value);
}

function wholeOption(text: string): number {
  const number = wholeNumber(text);
  if (number !== undefined) return number;
  throw new InvalidArgumentError(
    'Expected a whole number of digits, at most 2^53-1, or for a limit "unlimited" or "default".',
  );
}
