// A simulation for people: the plans side by side, then the tenants that it hits, the worst first.
import type { Limit } from '../core/quota/limit.js';
import type { SimulationReport, TenantFinding, TrialFinding } from '../tallygate.js';
import { textTable } from './textTable.js';

/** Tenants in the table. */
const MOST_TENANTS = 20;
/** Characters of a tenant's id in the table. */
const MOST_ID_LENGTH = 40;

const count = (value: number): string => value.toLocaleString('en');

/** An instant of a log, which has no fractions of a second. */
export const instantText = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');

/** What standard output gets: a report without a line's end inside a cell, whatever the log holds. */
export function simulationText(report: SimulationReport): string {
  const { lines, requests, tenants, withoutTenant, broken, fromMs, toMs } = report;
  const span = fromMs === undefined || toMs === undefined ? '' : `, ${instantText(fromMs)} to ${instantText(toMs)}`;
  const head = [
    `${count(lines)} lines read: ${count(requests)} requests of ${count(tenants)} tenants${span}`,
    `${count(withoutTenant)} without a tenant, ${count(broken)} broken`,
  ];
  const parts = [`${head.join('\n')}\n`, textTable(planRows(report))];
  if (report.tenantsAffected > 0) parts.push(textTable(tenantRows(report)));
  const more = report.tenantsAffected - MOST_TENANTS;
  if (more > 0) parts.push(`${count(more)} more tenants ran into a limit; --json names all of them.\n`);
  return parts.join('\n');
}

function planRows({ plans, requests }: SimulationReport): string[][] {
  const row = (title: string, cell: (plan: SimulationReport['plans'][number]) => string) => [title, ...plans.map(cell)];
  const names = [...new Set(plans.flatMap(({ limits }) => limits.map(({ name }) => name)))];
  const share = (part: number) => (requests === 0 ? '' : ` (${((part / requests) * 100).toFixed(1)} %)`);
  return [
    row('plan', ({ name }) => name),
    row('limits', ({ plan }) => plan.map(limitText).join(', ')),
    row('admitted', ({ denied, undecided }) => count(requests - denied - undecided)),
    row('denied', ({ denied }) => `${count(denied)}${share(denied)}`),
    ...names.map((name) => row(`  by ${name}`, ({ limits }) => metText(limits.filter((one) => one.name === name)))),
    row('tenants denied', ({ tenantsDenied }) => count(tenantsDenied)),
    row('first denied', ({ firstDeniedMs }) => (firstDeniedMs === undefined ? '-' : instantText(firstDeniedMs))),
  ];
}

function limitText({ name, limit, window, enforce = 'hard' }: Limit): string {
  const span = typeof window === 'object' ? ` in ${window.seconds} s` : window === name ? '' : ` a ${window}`;
  return `${name} ${limit.toLocaleString('en')}${span}${enforce === 'hard' ? '' : ` ${enforce}`}`;
}

/** A soft or shadow limit denies nobody: its count says so. */
const metText = (limits: TrialFinding['limits']): string =>
  limits
    .map(({ enforce, requests }) => `${count(requests)}${enforce === 'hard' ? '' : ` let pass (${enforce})`}`)
    .join(', ');

function tenantRows({ plans, byTenant }: SimulationReport): string[][] {
  const heading = ['tenant', 'requests', ...plans.flatMap(({ name }) => [`${name}: denied`, 'by', 'first'])];
  const rows: string[][] = [];
  for (const tenant of byTenant()) {
    if (rows.length === MOST_TENANTS || !isAffected(tenant)) break;
    rows.push([printableId(tenant.tenantId), count(tenant.requests), ...tenant.plans.flatMap(trialCells)]);
  }
  return [heading, ...rows];
}

const isAffected = ({ plans }: TenantFinding): boolean => plans.some(({ limits }) => limits.length > 0);

function trialCells({ denied, firstDeniedMs, limits }: TrialFinding): string[] {
  const by = limits.map((limit) => `${limit.name} ${metText([limit])}`).join(', ');
  return [count(denied), by === '' ? '-' : by, firstDeniedMs === undefined ? '-' : instantText(firstDeniedMs)];
}

/** Ids come from whoever sends requests: what would move the cursor or turn the text around is shown as its number. */
function printableId(tenantId: string): string {
  const harmless = tenantId.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (one) => `\\u{${one.codePointAt(0)?.toString(16)}}`);
  return harmless.length <= MOST_ID_LENGTH ? harmless : `${harmless.slice(0, MOST_ID_LENGTH - 1)}…`;
}
