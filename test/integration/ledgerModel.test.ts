// Random batches, resent at random, against a model that adds up in memory: whatever a caller may ask must say the same.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addDays, dateAt, datesBetween, dayOf, UTC_CALENDAR } from '../../src/core/time/calendar.js';
import { dayBit, monthOf } from '../../src/core/usage/activeDays.js';
import { integrateDay, type StorageDay, type StorageLevel } from '../../src/core/usage/storageIntegral.js';
import type { ActiveUserRow, StoragePointRow, UsageLedger, UsageSums } from '../../src/ports/usageLedger.js';
import { migrate } from '../../src/stores/postgres/migrate.js';
import { postgresLedger } from '../../src/stores/postgres/postgresLedger.js';
import { createPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { batchOf, freshHash, freshTenant, uuidAt } from '../../src/testing/usageLedgerCase.js';
import { createMigratedDatabase } from '../servers/databases.js';
import { embeddedPool } from './embeddedPool.js';

// Some weeks that end yesterday: storage is kept for 37 days, and its days must have ended.
const LAST = addDays(dateAt(Date.now(), UTC_CALENDAR), -1);
const FIRST = addDays(LAST, -33);
const DATES = datesBetween(FIRST, LAST);

/** What happened, before it is rows: who, when (an index into DATES), and how much. */
interface Deed {
  readonly kind: 'call' | 'charge' | 'user' | 'storage';
  readonly tenant: number;
  readonly date: number;
  readonly amount: number;
}

const deed: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constantFrom('call', 'charge', 'user', 'storage'),
  tenant: fc.nat(1),
  // Few days near each other most of the time, so that deeds meet; far ones too, so that months change.
  date: fc.oneof(fc.nat(3), fc.nat(DATES.length - 1)),
  amount: fc.nat(7),
});
const batches = fc.array(
  fc.record({ deeds: fc.array(deed, { maxLength: 12 }), sends: fc.integer({ min: 1, max: 2 }) }),
  {
    minLength: 1,
    maxLength: 6,
  },
);

const dateOf = (index: number): string => DATES[index] ?? LAST;

/** The rows of a batch: unique by key, as the port asks for. */
function sumsOf(deeds: readonly Deed[], tenants: readonly string[], users: readonly Buffer[]): UsageSums {
  const calls = new Map<string, number>();
  const masks = new Map<string, ActiveUserRow>();
  const storage: StoragePointRow[] = [];
  const charges = new Map<string, number>();
  for (const { kind, tenant, date, amount } of deeds) {
    const [tenantId, usageDate] = [tenants[tenant] ?? '', dateOf(date)];
    const key = `${tenant} ${usageDate}`;
    if (kind === 'call') calls.set(key, (calls.get(key) ?? 0) + amount);
    if (kind === 'charge') charges.set(key, (charges.get(key) ?? 0) + amount);
    if (kind === 'user') {
      const userHash = users[amount] ?? freshHash();
      const month = monthOf(usageDate);
      const present = masks.get(`${tenant} ${month} ${amount}`);
      const dayMask = (present?.dayMask ?? 0) | dayBit(usageDate);
      masks.set(`${tenant} ${month} ${amount}`, { tenantId, month, userHash, dayMask });
    }
    if (kind === 'storage') {
      const start = dayOf(usageDate, UTC_CALENDAR)?.start ?? 0;
      const atSeconds = start / 1000 + amount * 10_000;
      storage.push({ tenantId, atSeconds, bytes: 100 * amount + storage.length, id: uuidAt(start) });
    }
  }
  const split = (key: string) => ({ tenantId: tenants[Number(key[0])] ?? '', usageDate: key.slice(2) });
  return {
    calls: [...calls].map(([key, apiCalls]) => ({ ...split(key), apiCalls })),
    charges: [...charges]
      .map(([key, units]) => ({
        ...split(key),
        ...{ meter: '', resetNumber: 0, units, denied: 1, unconfirmed: 0, overage: 0 },
      }))
      .flatMap((charge) => [charge, { ...charge, meter: 'tokens', overage: charge.units % 3 }]),
    users: [...masks.values()],
    storage,
    ...{ commits: [], keyed: [] },
    // A level of a meter is reported whenever storage is, and of a counter there is as much as of calls: the quota's tokens come to it.
    levels: storage.map((point) => ({ ...point, meter: 'seats' })),
    meters: [...calls].map(([key, amount]) => ({ ...split(key), meter: 'tokens', amount })),
  };
}

/** What the ledger must say of one tenant after all of `sums`, each counted once. */
function model(all: readonly UsageSums[], tenantId: string) {
  const own = <T extends { tenantId: string }>(rows: readonly T[]) => rows.filter((row) => row.tenantId === tenantId);
  const calls = all.flatMap((sums) => own(sums.calls));
  const users = all.flatMap((sums) => own(sums.users));
  const points = all.flatMap((sums) => own(sums.storage));
  const usersOn = (dates: readonly string[]) =>
    new Set(
      users
        .filter((row) => dates.some((date) => monthOf(date) === row.month && (row.dayMask & dayBit(date)) !== 0))
        .map((row) => row.userHash.toString('hex')),
    ).size;
  let level: StorageLevel | undefined;
  const days = DATES.flatMap((usageDate) => {
    const day = dayOf(usageDate, UTC_CALENDAR);
    if (day === undefined) return [];
    const ofDay = points.filter((point) => point.atSeconds * 1000 >= day.start && point.atSeconds * 1000 < day.end);
    const storage: StorageDay | undefined = ofDay.length === 0 ? undefined : integrateDay(ofDay, level, day);
    if (storage !== undefined) level = { bytes: storage.lastBytes, atSeconds: storage.lastAtSeconds };
    const onDay = calls.filter((row) => row.usageDate === usageDate);
    const activeUsers = usersOn([usageDate]);
    if (onDay.length === 0 && activeUsers === 0 && storage === undefined) return [];
    const apiCalls = onDay.reduce((sum, row) => sum + row.apiCalls, 0);
    return [{ usageDate, apiCalls, activeUsers, ...(storage === undefined ? {} : { storage }) }];
  });
  const units = (first: number, last: number) =>
    all
      .flatMap((sums) => own(sums.charges))
      .filter((row) => row.meter === '' && row.usageDate >= dateOf(first) && row.usageDate <= dateOf(last))
      .reduce((sum, row) => sum + row.units, 0);
  const amountsOf = (rows: readonly { usageDate: string; amount: number }[]) => {
    const sums = new Map<string, number>();
    for (const { usageDate, amount } of rows) sums.set(usageDate, (sums.get(usageDate) ?? 0) + amount);
    return sums;
  };
  const charged = all.flatMap((sums) => own(sums.charges)).filter(({ meter }) => meter === 'tokens');
  const tokens = amountsOf([
    ...all.flatMap((sums) => own(sums.meters)),
    ...charged.filter(({ units: admitted }) => admitted > 0).map((row) => ({ ...row, amount: row.units })),
  ]);
  const above = amountsOf(charged.map((row) => ({ ...row, amount: row.overage })));
  const meters = DATES.flatMap((usageDate) => {
    const level = days.find((day) => day.usageDate === usageDate)?.storage;
    const amount = tokens.get(usageDate);
    return [
      ...(level === undefined ? [] : [{ usageDate, meter: 'seats', amount: 0, level }]),
      ...(amount === undefined ? [] : [{ usageDate, meter: 'tokens', amount }]),
    ];
  });
  const overage = DATES.flatMap((usageDate) => {
    const sum = above.get(usageDate) ?? 0;
    return sum === 0 ? [] : [{ usageDate, meter: 'tokens', units: sum }];
  });
  return { days, usersOn, units, meters, overage };
}

const levelOf = ({ usageDate: _, ...level }: StorageDay & { readonly usageDate: string }): StorageDay => level;

async function onServer() {
  const database = await createMigratedDatabase();
  const pool = createPostgresPool({ url: database.url });
  const close = async () => {
    await pool.end();
    await database.drop();
  };
  return { ledger: postgresLedger(pool, { schema: 'tallygate' }), close };
}

async function embedded() {
  const { pool, close } = await embeddedPool();
  await migrate(pool, { schema: 'tallygate' });
  return { ledger: postgresLedger(pool, { schema: 'tallygate' }), close };
}

for (const [name, open] of [['PostgreSQL', onServer] as const, ['the embedded database', embedded] as const]) {
  describe(name, () => {
    let opened: { readonly ledger: UsageLedger; readonly close: () => Promise<void> };
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());

    test('whatever is applied, resent and asked, it says what a model says', async () => {
      const { ledger } = opened;
      const property = fc.asyncProperty(batches, fc.nat(33), fc.nat(33), async (given, one, other) => {
        const tenants = [freshTenant(), freshTenant()];
        const users = Array.from({ length: 8 }, freshHash);
        const all = given.map(({ deeds }) => sumsOf(deeds, tenants, users));
        const producerId = await ledger.newProducerId();
        await ledger.registerProducer(producerId, { host: 'model', pid: 1 });
        for (const [index, { sends }] of given.entries()) {
          const batch = batchOf(producerId, index, index + 1, all[index] ?? {});
          for (let sent = 0; sent < sends; sent++) {
            const outcome = sent === 0 ? { outcome: 'applied' } : { outcome: 'elsewhere', lastRecord: index + 1 };
            expect(await ledger.apply(batch)).toEqual(outcome);
          }
        }
        const [first, last] = [Math.min(one, other), Math.max(one, other)];
        const inRange = DATES.slice(first, last + 1);
        for (const tenantId of tenants) {
          const { days, usersOn, units, meters, overage } = model(all, tenantId);
          const whole = await ledger.readUsage(tenantId, FIRST, LAST);
          expect(whole.days).toEqual(days);
          expect(whole.meters).toEqual(meters);
          expect(whole.overage).toEqual(overage);
          const part = await ledger.readUsage(tenantId, dateOf(first), dateOf(last));
          expect(part.days).toEqual(days.filter((day) => inRange.includes(day.usageDate)));
          expect(part.meters).toEqual(meters.filter((day) => inRange.includes(day.usageDate)));
          expect(part.levelsBefore.map(({ level }) => level)).toEqual(
            part.storageBefore === undefined ? [] : [levelOf(part.storageBefore)],
          );
          expect(part.activeUsers).toBe(usersOn(inRange));
          const range = { firstDate: dateOf(first), lastDate: dateOf(last) };
          const asked = { tenantId, meter: '', resetNumber: 0, ...range };
          expect(await ledger.sumCharges([asked])).toEqual([units(first, last)]);
        }
      });
      await fc.assert(property, { numRuns: 25 });
    });
  });
}
