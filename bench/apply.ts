// `npm run bench -- apply`: rows a second that the ledger takes in a batch, beside its bare statements: the same rows by the same
// upserts, prepared, in one transaction on one connection. Ours and the bare ones take turns, so that what the machine does besides
// hits both, and a ratio is that of two neighbours.
import type { Client } from 'pg';
import { textTable } from '../src/cli/textTable.js';
import { dayBit } from '../src/core/usage/activeDays.js';
import type { UsageSums } from '../src/ports/usageLedger.js';
import { addCharges, addUsage, mergeActiveUsers } from '../src/stores/postgres/postgres.generated.js';
import { batchOf, NO_SUMS } from '../src/testing/usageLedgerCase.js';
import { callRow, chargeRow, userRow } from './batches.js';
import { median } from './figures.js';
import { type BenchLedger, newProducer, SCHEMA, startLedger } from './ledger.js';
import { Loads, machineLine } from './machine.js';
import { readNumbers } from './partOptions.js';
import type { Part } from './run.js';
import { tenantIds } from './traffic.js';

const SIZES = [100, 1_000, 10_000];
const DATE = '2026-03-17';
const OPTIONS = {
  /** Batches of 10,000 rows, each way; smaller ones six times as many. */
  rounds: { full: 15, quick: 1 },
};

/** What a batch consists of: rows of each kind, `size` in all. Everything but its users is there before. */
const SHAPES: Readonly<
  Record<string, (tenants: readonly string[], size: number, round: string) => Partial<UsageSums>>
> = {
  days: (tenants, size) => ({ calls: tenants.slice(0, size).map((id) => callRow(id, DATE)) }),
  'days, charges': (tenants, size) => {
    const some = tenants.slice(0, size / 2);
    return { calls: some.map((id) => callRow(id, DATE)), charges: some.map((id) => chargeRow(id, DATE)) };
  },
  'days, charges, new users': (tenants, size, round) => {
    const some = tenants.slice(0, size / 4);
    return {
      calls: some.map((id) => callRow(id, DATE)),
      charges: some.map((id) => chargeRow(id, DATE)),
      users: some.flatMap((id) => ['a', 'b'].map((name) => userRow(id, DATE, `${name} ${round}`, dayBit(DATE)))),
    };
  },
};

/** One line of the table. */
interface Figure {
  readonly shape: string;
  readonly size: number;
  readonly oursMs: number;
  readonly bareMs: number;
  /** Of it the statements, without BEGIN and COMMIT. */
  readonly statementsMs: number;
  readonly ratio: number;
}

/** See the head of this file. */
export const apply: Part = async (args, run) => {
  const { rounds } = readNumbers(args, OPTIONS);
  const bench = await startLedger(run);
  const loads = new Loads();
  loads.note();
  const figures: Figure[] = [];
  for (const size of SIZES) {
    for (const shape of Object.keys(SHAPES)) {
      figures.push(await measure(bench, shape, size, size < 10_000 ? 6 * rounds : rounds));
    }
    loads.note();
    run.say(`batches of ${size} rows are done`);
  }
  return [
    `${machineLine()}; ${bench.serverLine}.`,
    loads.line(),
    "Medians; ours and the bare statements by turns, the ratio is the median of the neighbours'.",
    '',
    textTable([HEADING, ...figures.map(cells)]),
  ].join('\n');
};

const HEADING = [
  'rows of a batch',
  'rows',
  'ours ms',
  'rows/s',
  'bare ms',
  'rows/s',
  'of it statements ms',
  'ours : bare',
];

const cells = ({ shape, size, oursMs, bareMs, statementsMs, ratio }: Figure): string[] => [
  shape,
  String(size),
  oursMs.toFixed(2),
  ((size / oursMs) * 1000).toFixed(0),
  bareMs.toFixed(2),
  ((size / bareMs) * 1000).toFixed(0),
  statementsMs.toFixed(2),
  ratio.toFixed(2),
];

async function measure({ ledger, client }: BenchLedger, shape: string, size: number, rounds: number): Promise<Figure> {
  const tenants = tenantIds(Math.max(...SIZES));
  const sumsOf = (round: string): UsageSums => ({ ...NO_SUMS, ...SHAPES[shape]?.(tenants, size, round) });
  const producerId = await newProducer(ledger);
  const ours: number[] = [];
  const bare: number[] = [];
  const statements: number[] = [];
  // The first turns make the rows and warm up both; they are not counted.
  for (let turn = -2; turn < rounds; turn += 1) {
    const batch = batchOf(producerId, turn + 2, turn + 3, sumsOf(`ours ${shape} ${turn}`));
    const sums = sumsOf(`bare ${shape} ${turn}`);
    const oursFirst = turn % 2 === 0;
    const oursMs = oursFirst ? await timed(() => ledger.apply(batch)) : 0;
    const { totalMs, statementsMs } = await bareTransaction(client, sums);
    const ownMs = oursFirst ? oursMs : await timed(() => ledger.apply(batch));
    if (turn < 0) continue;
    ours.push(ownMs);
    bare.push(totalMs);
    statements.push(statementsMs);
  }
  const ratios = ours.map((ms, turn) => ms / (bare[turn] ?? Number.NaN));
  return {
    shape,
    size,
    oursMs: median(ours),
    bareMs: median(bare),
    statementsMs: median(statements),
    ratio: median(ratios),
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** The upserts alone, prepared on their connection, with their columns at hand. */
async function bareTransaction(client: Client, sums: UsageSums): Promise<{ totalMs: number; statementsMs: number }> {
  const { calls, charges, users } = sums;
  const columns = (rows: readonly object[], names: readonly string[]) =>
    names.map((name) => rows.map((row) => (row as Record<string, unknown>)[name]));
  const asked = [
    { name: 'days', text: addUsage, values: columns(calls, ['tenantId', 'usageDate', 'apiCalls']), rows: calls },
    {
      name: 'users',
      text: mergeActiveUsers,
      values: [
        users.map((row) => row.tenantId),
        users.map((row) => `${row.month}-01`),
        users.map((row) => row.userHash.toString('hex')),
        users.map((row) => row.dayMask),
      ],
      rows: users,
    },
    { name: 'charges', text: addCharges, values: columns(charges, CHARGE_COLUMNS), rows: charges },
  ].filter(({ rows }) => rows.length > 0);
  const startedAt = performance.now();
  await client.query('BEGIN');
  const begunAt = performance.now();
  for (const { name, text, values } of asked) {
    await client.query({ name, text: text.replaceAll('{schema}.', `${SCHEMA}.`), values });
  }
  const statementsMs = performance.now() - begunAt;
  await client.query('COMMIT');
  return { totalMs: performance.now() - startedAt, statementsMs };
}

const CHARGE_COLUMNS = [
  ...['tenantId', 'usageDate', 'meter', 'resetNumber'],
  ...['units', 'denied', 'unconfirmed', 'overage'],
];
