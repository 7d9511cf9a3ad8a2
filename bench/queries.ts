// `npm run bench -- queries`: the usage report of a tenant over 31 and 366 days, on 10 million vacuumed rows of tenant_usage and what a
// fleet has beside them. It fails where a big table is read otherwise than by an index.
import { Client } from 'pg';
import { textTable } from '../src/cli/textTable.js';
import { addDays, datesBetween, UTC_CALENDAR } from '../src/core/time/calendar.js';
import { daysMask, monthOf } from '../src/core/usage/activeDays.js';
import { UsageService } from '../src/services/usage/usageService.js';
import { readUsage, sumCharges } from '../src/stores/postgres/postgres.generated.js';
import { postgresUpkeep } from '../src/stores/postgres/postgresUpkeep.js';
import { filesOf, makeCold } from './coldFiles.js';
import { DAYS, FILLED, fillHistory, type History, tenantIdsOf } from './history.js';
import { type BenchLedger, SCHEMA, startLedger } from './ledger.js';
import { Loads, machineLine } from './machine.js';
import { readNumbers } from './partOptions.js';
import { percentile } from './percentile.js';
import { accessesOf, assertByIndex } from './plans.js';
import type { Part } from './run.js';
import { sizesOf, sizesText } from './sizes.js';
import { seededRandom } from './traffic.js';

const OPTIONS = {
  rows: { full: 10_000_000, quick: 40_000 },
  /** Reports of a kind after a cold start, each of another tenant, and with everything in memory. */
  cold: { full: 200, quick: 10 },
  warm: { full: 2_000, quick: 50 },
};
const RANGES = [31, DAYS];
/** What grows with tenants and days, or with users. */
const TABLES = [
  'tenant_usage',
  'quota_charge',
  'tenant_active_user',
  'usage_adjustment',
  'closed_period',
  'storage_point',
  'tenant',
];

/** Rows from which on a table must never be read as a whole. */
const BIG_FROM = 10_000;

/** A way to read, by its name in the table. */
type Reads = Readonly<Record<string, (tenantId: string) => Promise<unknown>>>;

/** See the head of this file. */
export const queries: Part = async (args, run) => {
  const { rows, cold, warm } = readNumbers(args, OPTIONS);
  const tenants = Math.ceil(rows / DAYS);
  const bench = await startLedger(run);
  const loads = new Loads();
  loads.note();
  const history = await fillHistory(bench.client, tenants, run.say);
  loads.note();
  const ids = await tenantIdsOf(bench.client, tenants);
  const sizes = await sizesOf(bench.client, TABLES);
  const big = sizes.filter((size) => size.rows >= BIG_FROM).map(({ table }) => table);
  const plans: string[] = [];
  for (const days of RANGES) plans.push(...(await planLines(bench.client, ids[0] ?? '', { ...history, days, big })));
  // It would not survive a cold start.
  await bench.client.end();
  const reads = readsOf(bench, history);
  const lines: string[][] = [];
  let isCold = false;
  for (const [name, read] of Object.entries(reads)) {
    const found = bench.server === undefined ? undefined : await coldly(bench, () => measure(read, ids, cold));
    isCold = found?.isCold === true;
    // Twice as many reads as tenants would be: the first half brings what is read often into the server's memory.
    await measure(read, ids, warm);
    const times = await measure(read, ids, warm);
    lines.push([name, ...cells(found?.times ?? []), ...cells(times)]);
    loads.note();
    run.say(`${name}: done`);
  }
  return [
    `${machineLine()}; ${bench.serverLine}.`,
    loads.line(),
    `${tenants} tenants, ${DAYS} days each; ${FILLED.chargeDays} days of charges, ${FILLED.usersOfMonth} users a month, ${FILLED.adjustmentsEach} corrections of every 100th tenant, ${FILLED.closedMonths} closed months of every 10th, ${FILLED.storageDays} levels of storage of every 3rd.`,
    `Cold: ${cold} tenants after a start of the server${isCold ? ", its files dropped from the system's memory" : ", its files in the system's memory"}. Warm: ${warm} tenants at random.`,
    '',
    textTable([['milliseconds', 'cold p50', 'p99', 'warm p50', 'p99'], ...lines]),
    sizesText(sizes),
    ...plans,
    '',
  ].join('\n');
};

/** The report as the API makes it, and the sums that bring a tenant's counters back. */
function readsOf({ ledger, pool }: BenchLedger, { lastDate }: History): Reads {
  const upkeep = postgresUpkeep(pool, { schema: SCHEMA });
  const service = new UsageService({
    ledger,
    upkeep,
    quotaOf: () => ({ hasSetting: false, calendar: UTC_CALENDAR }),
    flushWithin: () => Promise.resolve(true),
    clock: { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
  });
  const report = (days: number) => (tenantId: string) =>
    service.query(tenantId, { from: addDays(lastDate, 1 - days), to: lastDate });
  const sums = (tenantId: string) =>
    ledger.sumCharges(
      [1, 7, 31].map((days) => ({
        ...{ tenantId, meter: '', resetNumber: 0 },
        ...{ firstDate: addDays(lastDate, 1 - days), lastDate },
      })),
    );
  return { 'report, 31 days': report(31), [`report, ${DAYS} days`]: report(DAYS), 'sums of day, week, month': sums };
}

/** One after the other, of tenants at random. */
async function measure(
  read: (id: string) => Promise<unknown>,
  ids: readonly string[],
  count: number,
): Promise<number[]> {
  const random = seededRandom(5);
  const times: number[] = [];
  for (let made = 0; made < count; made += 1) {
    const tenantId = ids[Math.floor(random() * ids.length)] ?? '';
    const startedAt = performance.now();
    await read(tenantId);
    times.push(performance.now() - startedAt);
  }
  return times;
}

async function coldly(
  bench: BenchLedger,
  work: () => Promise<number[]>,
): Promise<{ isCold: boolean; times: number[] }> {
  if (bench.server === undefined) throw new Error('only a server of its own can be stopped');
  const beside = new Client({ connectionString: bench.url });
  await beside.connect();
  const folder = await filesOf(beside);
  await beside.end();
  const isCold = await makeCold(bench.server, folder);
  // A connection and its catalog are there before the first report: they are no part of it.
  await bench.ledger.identity();
  return { isCold, times: await work() };
}

const cells = (times: readonly number[]): string[] => [50, 99].map((at) => percentile(times, at).toFixed(2));

/** How the report's statement and that of the sums read their tables. */
async function planLines(
  client: Client,
  tenantId: string,
  { lastDate, days, big }: History & { readonly days: number; readonly big: readonly string[] },
): Promise<string[]> {
  const from = addDays(lastDate, 1 - days);
  const months = [...new Set(datesBetween(from, lastDate).map(monthOf))];
  const masks = months.map((month) => daysMask(month, from, lastDate));
  const values = [tenantId, from, lastDate, months.map((month) => `${month}-01`), masks];
  const report = await accessesOf(client, readUsage.replaceAll('{schema}.', `${SCHEMA}.`), values);
  assertByIndex(report, big);
  const sums = await accessesOf(client, sumCharges.replaceAll('{schema}.', `${SCHEMA}.`), [
    ...[[tenantId], [''], [0], [from], [lastDate]],
  ]);
  assertByIndex(sums, big.includes('quota_charge') ? ['quota_charge'] : []);
  return [
    `The report over ${days} days reads`,
    ...report.map(({ table, how }) => `  ${table}: ${how}`),
    'and the sums of charges',
    ...sums.map(({ table, how }) => `  ${table}: ${how}`),
  ];
}
