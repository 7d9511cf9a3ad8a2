// `tallygate quota get|set|reset TENANT`: which limits hold for a tenant, where it stands, and how to change that.
import { type Command, InvalidArgumentError } from 'commander';
import { wholeNumber } from '../../config/environment.js';
import { hasCode, invalidRequest } from '../../core/errors.js';
import type { LimitState } from '../../core/quota/decision.js';
import { type QuotaReport, quotaReport } from '../../core/quota/quotaReport.js';
import type { LimitChange, SettingPatch } from '../../core/quota/setting.js';
import { tenantIdFault } from '../../core/tenantId.js';
import type { CommandContext } from '../context.js';
import type { Installation } from '../installation.js';
import { textTable } from '../textTable.js';

/** What `--limit NAME=VALUE` says; null ends an override. */
type LimitOptions = Readonly<Record<string, LimitChange>>;

/** A change of one tenant's quota; it answers once the change is made. */
type QuotaChange = (quotas: Installation['quotaService']) => Promise<unknown>;

interface SetOptions {
  readonly plan?: string;
  readonly limit?: LimitOptions;
  readonly timeZone?: string;
  readonly billingAnchorDay?: number;
  readonly json?: true;
}

export function addQuotaCommand(program: Command, context: CommandContext): void {
  const quota = program.command('quota').description('read, set and reset the quota of a tenant');
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
    .option(
      '--limit <name=value>',
      'minute=100, day=unlimited, day=default (the plan’s), month=500@2027-01-31 (until that date); repeatable',
      addLimit,
    )
    .option('--time-zone <zone>', 'an IANA name such as Europe/Berlin')
    .option('--billing-anchor-day <day>', 'the day on which a billing month begins, 1 to 31', wholeOption)
    .option('--json', 'as the quota API answers it')
    .action((tenantId: string, { json, limit, ...others }: SetOptions, command: Command) => {
      const patch: SettingPatch = limit === undefined ? others : { ...others, limits: limit };
      if (Object.keys(patch).length === 0) {
        command.error('error: nothing to set: give --plan, --limit, --time-zone or --billing-anchor-day');
      }
      const change: QuotaChange = (quotas) => quotas.merge(tenantId, patch);
      return show(context, tenantId, change, json === undefined ? {} : { json });
    });
  quota
    .command('reset')
    .description('let what a tenant used count as 0 from now on, in every window')
    .argument('<tenant>')
    .requiredOption('--reason <text>', 'why, for those who ask later; at most 500 characters')
    .option('--json', 'as the quota API answers it')
    .action((tenantId: string, { reason, ...options }: { readonly reason: string; readonly json?: true }) =>
      show(context, tenantId, (quotas) => quotas.reset(tenantId, { reason, author: AUTHOR }), options),
    );
}

/** Who resets from a command line: who that is, the machine's own log knows. */
const AUTHOR = 'cli';

/**
 * Shows the quota, after the change where there is one.
 * @throws TallygateError `tenant_not_found` where there is nothing to show
 */
async function show(
  context: CommandContext,
  tenantId: string,
  change: QuotaChange | undefined,
  options: { readonly json?: true },
): Promise<void> {
  const fault = tenantIdFault(tenantId);
  if (fault !== undefined) throw invalidRequest([{ location: 'tenant', message: fault }]);
  const report = await context.withInstallation(async (installation) => {
    await installation.ready();
    await change?.(installation.quotaService);
    const states = await statesOf(context, installation, tenantId, change !== undefined);
    // What a counter has charged proves a tenant whose usage is still on its way; otherwise it must be in the ledger, or set.
    if (change === undefined && !states.some((state) => state.used > 0)) {
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
    terminal.message(`The change was made. What is used and left cannot be shown: ${error.message}\n`);
    return [];
  }
}

function asText({ plan, timeZone, billingAnchorDay, limits }: QuotaReport): string {
  const rows = limits.map((limit) => [
    limit.name,
    limit.limit.toLocaleString('en'),
    limit.until === undefined ? limit.source : `${limit.source} until ${limit.until}`,
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
  if (earlier !== undefined && Object.hasOwn(earlier, name)) {
    throw new InvalidArgumentError(`Expected "${name}" once, got it twice.`);
  }
  return { ...earlier, [name]: limitChange(value) };
}

function limitChange(text: string): LimitChange {
  const [, value = text, until] = /^([^@]+)@(.+)$/.exec(text) ?? [];
  const limit = limitValue(value);
  if (until === undefined) return limit;
  if (limit === null)
    throw new InvalidArgumentError('Expected a number or "unlimited" before @: a default has no end.');
  return { limit, until };
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
