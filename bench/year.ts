// `npm run bench -- year`: a month of some tenants by the ledger's own apply, the rest of their year by SQL, and from both what a year of
// 100,000 tenants takes. docs/scale.md says what the figures mean.
import { textTable } from '../src/cli/textTable.js';
import { median } from './figures.js';
import { startLedger } from './ledger.js';
import { Loads, machineLine } from './machine.js';
import { KINDS, type Kind, type Life, liveMonth, type Month, updatesOf } from './month.js';
import { readNumbers } from './partOptions.js';
import { fillRestOfYear } from './restOfYear.js';
import type { Part } from './run.js';
import { sizesOf, sizesText, type TableSize } from './sizes.js';
import { tenantIds } from './traffic.js';

const OPTIONS = {
  tenants: { full: 1_000, quick: 100 },
  days: { full: 30, quick: 2 },
  users: { full: 20, quick: 20 },
  keys: { full: 2, quick: 2 },
  touches: { full: 4, quick: 2 },
  levels: { full: 2, quick: 1 },
};
/** Of a tenant's users those who come on a day. */
const SHARE_OF_DAY = 0.3;
const FLEET = 100_000;
/** Days that keys and levels of storage are kept, and levels a day of a collection each hour. */
const KEPT = { keyDays: 35, levelDays: 37, levelsOfDay: 24 };
/** Batches that touch a tenant in a day: of one that is called now and then, and of one that is called all day. */
const TOUCHES = [10, 1_000];
const TABLES = [
  ...['tenant_usage', 'quota_charge', 'tenant_active_user', 'meter_usage'],
  ...['event_dedupe', 'storage_point', 'tenant_storage'],
];

/** See the head of this file. */
export const year: Part = async (args, run) => {
  const numbers = readNumbers(args, OPTIONS);
  // The nights are ours: what a vacuum takes is measured, not what was left to do.
  const bench = await startLedger(run, { autovacuum: 'off' });
  const loads = new Loads();
  loads.note();
  const usersOfDay = Math.round(numbers.users * SHARE_OF_DAY);
  const life: Life = { ...numbers, tenants: tenantIds(numbers.tenants), usersOfDay };
  const month = await liveMonth(bench, life, run.say);
  loads.note();
  const afterMonth = await sizesOf(bench.client, TABLES);
  await bench.endPool();
  const updates = await updatesOf(bench, TABLES);
  run.say('the rest of the year');
  await fillRestOfYear(bench.client, { lastDate: month.lastDate, days: life.days, users: life.users });
  const afterYear = await sizesOf(bench.client, TABLES);
  loads.note();
  return [
    `${machineLine()}; ${bench.serverLine}.`,
    loads.line(),
    `${numbers.tenants} tenants, ${life.days} days: each day ${usersOfDay} of ${life.users} users, ${life.keys} keys, ${life.touches} batches with calls and charges, ${life.levels} levels of storage a tenant.`,
    '',
    textTable([KIND_HEADING, ...KINDS.map((kind) => kindCells(kind, month))]),
    'After the month, vacuumed each night:',
    sizesText(afterMonth),
    textTable([
      ['changes of the month', 'inserts', 'updates', 'leave the indexes alone'],
      ...[...updates].map(([table, { inserts, updates: all, hot }]) => [
        ...[table, String(inserts), String(all)],
        all === 0 ? '' : `${((hot / all) * 100).toFixed(0)} %`,
      ]),
    ]),
    `A night's vacuum: ${median(month.vacuums).toFixed(0)} ms, the last ${month.vacuums.at(-1)?.toFixed(0)} ms.`,
    '',
    'After a year, by SQL in the order of life:',
    sizesText(afterYear),
    `${FLEET} tenants, 365 days of that life:`,
    fleetText(life, afterMonth, afterYear),
    walText(month, life),
    '',
  ].join('\n');
};

const KIND_TITLE: Readonly<Record<Kind, string>> = {
  first: "first of a tenant's day, after a checkpoint",
  later: 'later ones of the day',
  storage: 'levels of storage',
};

const KIND_HEADING = ['batches of 100 tenants', 'rows a batch', 'ms', 'rows/s', 'WAL bytes', 'a tenant'];

function kindCells(kind: Kind, { byKind }: Month): string[] {
  const { batches, rows, ms, walBytes } = byKind[kind];
  return [
    KIND_TITLE[kind],
    (rows / batches).toFixed(0),
    (ms / batches).toFixed(1),
    ((rows / ms) * 1000).toFixed(0),
    (walBytes / batches).toFixed(0),
    (walBytes / batches / 100).toFixed(0),
  ];
}

/** Rows by what the tenants do, bytes by what a row took. */
function fleetText(life: Life, afterMonth: readonly TableSize[], afterYear: readonly TableSize[]): string {
  const bytesOf = (sizes: readonly TableSize[], name: string) => {
    const size = sizes.find(({ table }) => table === name);
    return size === undefined ? Number.NaN : (size.tableBytes + size.indexBytes) / size.rows;
  };
  const lines: [table: string, what: string, rows: number, bytes: number][] = [
    ['tenant_usage', 'a day', FLEET * 365, bytesOf(afterYear, 'tenant_usage')],
    ['quota_charge', 'a day', FLEET * 365, bytesOf(afterYear, 'quota_charge')],
    ['tenant_active_user', 'a user and month', FLEET * 12 * life.users, bytesOf(afterYear, 'tenant_active_user')],
    ['meter_usage', 'a day and meter, one meter', FLEET * 365, bytesOf(afterYear, 'meter_usage')],
    [
      ...(['event_dedupe', `a key, ${life.keys} a day, ${KEPT.keyDays} days`] as const),
      FLEET * life.keys * KEPT.keyDays,
      bytesOf(afterMonth, 'event_dedupe'),
    ],
    [
      ...(['storage_point', `a level, ${KEPT.levelsOfDay} a day, ${KEPT.levelDays} days`] as const),
      FLEET * KEPT.levelsOfDay * KEPT.levelDays,
      bytesOf(afterMonth, 'storage_point'),
    ],
  ];
  return textTable([
    ['table', 'a row of a tenant for', 'million rows', 'bytes a row', 'GB'],
    ...lines.map(([table, what, rows, bytes]) => [
      ...[table, what, (rows / 1e6).toFixed(1), bytes.toFixed(0), ((rows * bytes) / 1e9).toFixed(1)],
    ]),
  ]);
}

function walText({ byKind }: Month, life: Life): string {
  const aTenant = ({ walBytes, batches }: { walBytes: number; batches: number }) => walBytes / batches / 100;
  const [first, later, storage] = [aTenant(byKind.first), aTenant(byKind.later), aTenant(byKind.storage)];
  const perDay = (touches: number) => first + (touches - 1) * later + KEPT.levelsOfDay * storage;
  return TOUCHES.map(
    (touches) =>
      `WAL of ${FLEET} tenants: ${((FLEET * perDay(touches)) / 1e9).toFixed(1)} GB a day where ${touches} batches a day touch each of them, with ${KEPT.levelsOfDay} levels and ${life.keys} keys.`,
  ).join('\n');
}
