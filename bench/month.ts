// A month of some tenants, brought to the ledger by its own apply, day by day, with a vacuum each night: what each kind of batch takes of
// time and WAL.
import { addDays, dateAt, dayOf, type UsageDate, UTC_CALENDAR } from '../src/core/time/calendar.js';
import { dayBit } from '../src/core/usage/activeDays.js';
import type { UsageSums } from '../src/ports/usageLedger.js';
import { batchOf, uuidAt } from '../src/testing/usageLedgerCase.js';
import { callRow, chargeRow, hashOf, userRow } from './batches.js';
import { type BenchLedger, newProducer, SCHEMA } from './ledger.js';
import { seededRandom } from './traffic.js';

/** Tenants of a batch. */
const TENANTS_A_BATCH = 100;

/** What the fleet does in a day. */
export interface Life {
  readonly tenants: readonly string[];
  readonly days: number;
  /** Users of a tenant and month, and those of them that come on a day. */
  readonly users: number;
  readonly usersOfDay: number;
  /** Keys of a tenant and day: commits, keyed calls, events. */
  readonly keys: number;
  /** Times a day that a batch brings something more of a tenant, */
  readonly touches: number;
  /** and that its storage is told. */
  readonly levels: number;
}

/** Kinds of batches: the first of a tenant's day after a checkpoint, later ones, and levels of storage. */
export const KINDS = ['first', 'later', 'storage'] as const;

export type Kind = (typeof KINDS)[number];

/** What all batches of a kind took. */
export interface Taken {
  batches: number;
  rows: number;
  ms: number;
  walBytes: number;
}

/** What a month took. */
export interface Month {
  readonly byKind: Readonly<Record<Kind, Taken>>;
  /** Of each night, in milliseconds. */
  readonly vacuums: readonly number[];
  readonly lastDate: UsageDate;
}

/** See the head of this file. The month ends yesterday: storage is taken 35 days back. */
export async function liveMonth(bench: BenchLedger, life: Life, say: (what: string) => void): Promise<Month> {
  const byKind = { first: none(), later: none(), storage: none() };
  const vacuums: number[] = [];
  const producerId = await newProducer(bench.ledger);
  const random = seededRandom(11);
  let record = 0;
  const apply = async (kind: Kind, sums: Partial<UsageSums>) => {
    const walBefore = await walPosition(bench);
    const startedAt = performance.now();
    const outcome = await bench.ledger.apply(batchOf(producerId, record, record + 1, sums));
    if (outcome.outcome !== 'applied' || outcome.quarantined !== undefined)
      throw new Error(`expected a batch to be applied, got ${JSON.stringify(outcome)}`);
    const taken = byKind[kind];
    taken.ms += performance.now() - startedAt;
    taken.walBytes += (await walPosition(bench)) - walBefore;
    taken.batches += 1;
    taken.rows += Object.values(sums).reduce((sum, rows) => sum + rows.length, 0);
    record += 1;
  };
  const lastDate = addDays(dateAt(Date.now(), UTC_CALENDAR), -1);
  for (let day = life.days - 1; day >= 0; day -= 1) {
    const date = addDays(lastDate, -day);
    // A day has many: what is touched for the first time after one goes to the WAL as a whole page.
    await bench.client.query('checkpoint');
    const batches = Array.from({ length: Math.ceil(life.tenants.length / TENANTS_A_BATCH) }, (_, index) =>
      life.tenants.slice(index * TENANTS_A_BATCH, (index + 1) * TENANTS_A_BATCH),
    );
    for (const tenants of batches) await apply('first', firstOfDay(tenants, date, life, random));
    for (let touch = 1; touch < life.touches; touch += 1)
      for (const tenants of batches) await apply('later', callsAndCharges(tenants, date));
    for (let level = 0; level < life.levels; level += 1)
      for (const tenants of batches) await apply('storage', levelsAt(tenants, date, level));
    const vacuumAt = performance.now();
    await bench.client.query('vacuum (analyze)');
    vacuums.push(performance.now() - vacuumAt);
    if (day % 10 === 0) say(`${life.days - day} days of ${life.days} are done`);
  }
  return { byKind, vacuums, lastDate };
}

const callsAndCharges = (tenants: readonly string[], date: UsageDate): Partial<UsageSums> => ({
  calls: tenants.map((id) => callRow(id, date)),
  charges: tenants.map((id) => chargeRow(id, date)),
});

function firstOfDay(tenants: readonly string[], date: UsageDate, life: Life, random: () => number): Partial<UsageSums> {
  const users = tenants.flatMap((id) => {
    // Another stretch of the tenant's users each day, so that all of them come in a month.
    const start = Math.floor(random() * life.users);
    return Array.from({ length: life.usersOfDay }, (_, index) =>
      userRow(id, date, `user ${(start + index) % life.users}`, dayBit(date)),
    );
  });
  const commits = tenants.flatMap((tenantId) =>
    Array.from({ length: life.keys }, (_, index) => ({
      ...{ tenantId, usageDate: date, meter: '', resetNumber: 0, units: 1 },
      key: hashOf(`${tenantId} ${date} ${index}`),
    })),
  );
  return { ...callsAndCharges(tenants, date), users, commits };
}

function levelsAt(tenants: readonly string[], date: UsageDate, level: number): Partial<UsageSums> {
  const startMs = dayOf(date, UTC_CALENDAR)?.start ?? 0;
  const atMs = startMs + level * 3_600_000;
  const point = { atSeconds: atMs / 1000, bytes: 1_000_000 + level };
  return { storage: tenants.map((tenantId) => ({ tenantId, ...point, id: uuidAt(atMs) })) };
}

async function walPosition({ client }: BenchLedger): Promise<number> {
  const { rows } = await client.query(`select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8 as at`);
  return rows[0]?.at;
}

const none = (): Taken => ({ batches: 0, rows: 0, ms: 0, walBytes: 0 });

/** Updates of each table so far, and the share of them that left its indexes alone. Asked after the pool's end: it tells at its end. */
export async function updatesOf({ client }: BenchLedger, tables: readonly string[]) {
  const { rows } = await client.query(
    `select relname, n_tup_ins::float8 as inserts, n_tup_upd::float8 as updates, n_tup_hot_upd::float8 as hot
     from pg_stat_user_tables where schemaname = $1 and relname = any ($2)`,
    [SCHEMA, tables],
  );
  return new Map(
    rows.map(({ relname, ...counts }): [string, { inserts: number; updates: number; hot: number }] => [
      relname,
      { inserts: counts.inserts, updates: counts.updates, hot: counts.hot },
    ]),
  );
}
