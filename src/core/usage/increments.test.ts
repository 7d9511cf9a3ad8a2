// The laws of adding up: the order of records does not matter, what has a key counts once, and a portion is a part of the whole.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_COUNT } from '../quota/limit.js';
import { UsageIncrements } from './increments.js';

type Deed = (into: UsageIncrements) => void;

const tenant = fc.constantFrom('a', 'b', '__proto__');
const date = fc.constantFrom('2026-11-23', '2026-11-24');
const amount = fc.oneof(fc.nat(9), fc.constant(MAX_COUNT - 3));
const key = fc.constantFrom('00', '01', '02');
const meter = fc.constantFrom('tokens', 'seats', 'constructor');
const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.tuple(tenant, date, amount).map(
    ([t, d, n]): Deed =>
      (into) =>
        into.addCalls(t, d, n),
  ),
  fc.tuple(tenant, date, fc.constantFrom('', 'tokens'), fc.nat(1), fc.tuple(amount, amount, amount, amount)).map(
    ([t, d, meter, resetNumber, [units, denied, unconfirmed, overage]]): Deed =>
      (into) =>
        into.addCharge(t, d, { meter, resetNumber, units, denied, unconfirmed, overage }),
  ),
  fc.tuple(tenant, date, fc.constantFrom('u', 'v', 'w')).map(
    ([t, d, u]): Deed =>
      (into) =>
        into.addUser(t, d, u),
  ),
  // A point's id says what it is: the same id is the same point.
  fc.tuple(tenant, fc.nat(2), fc.nat(3)).map(
    ([t, atSeconds, n]): Deed =>
      (into) =>
        into.addStorage(t, { atSeconds, bytes: n * 10, id: `id${n}` }),
  ),
  // A commit's key says what it is.
  fc.tuple(tenant, key).map(
    ([t, k]): Deed =>
      (into) =>
        into.addCommit(t, {
          usageDate: '2026-11-24',
          meter: '',
          resetNumber: 0,
          units: 5,
          apiCalls: k === '01' ? 1 : 0,
          key: k,
        }),
  ),
  fc.tuple(tenant, date, meter, amount).map(
    ([t, d, m, n]): Deed =>
      (into) =>
        into.addMeter(t, d, m, n),
  ),
  fc.tuple(tenant, meter, fc.nat(2), fc.nat(3)).map(
    ([t, m, atSeconds, n]): Deed =>
      (into) =>
        into.addLevel(t, { meter: m, atSeconds, bytes: n * 10, id: `id${n}` }),
  ),
  fc.tuple(tenant, key).map(
    ([t, k]): Deed =>
      (into) =>
        into.addKeyed(t, { ...KEYED, amount: k === '01' ? 7 : 0, key: k }),
  ),
);
const KEYED = { usageDate: '2026-11-24', apiCalls: 1, meter: 'tokens', level: undefined };
const deeds = fc.array(deed, { maxLength: 25 });

function addedUp(...parts: readonly (readonly Deed[])[]): UsageIncrements {
  const sum = new UsageIncrements();
  for (const part of parts) {
    const increments = new UsageIncrements();
    for (const one of part) one(increments);
    sum.addAll(increments);
  }
  return sum;
}

/** In one order, whatever the order of coming. */
function shown({ tenants, rows }: UsageIncrements): unknown {
  const sorted = <T>(items: Iterable<T>) => [...items].map((item) => JSON.stringify(item)).sort();
  const shownTenants = [...tenants].map(([id, { days, storage, commits, levels, keyed }]) => [
    id,
    sorted(
      [...days].map(([day, one]) => [
        day,
        one.apiCalls,
        sorted(one.charges),
        sorted(one.users ?? []),
        sorted(one.meters ?? []),
      ]),
    ),
    sorted(storage.values()),
    sorted(commits.values()),
    sorted(levels?.values() ?? []),
    sorted(keyed?.values() ?? []),
  ]);
  return { rows, tenants: sorted(shownTenants) };
}

describe('increments', () => {
  it('add up to the same in any order and grouping', () => {
    fc.assert(
      fc.property(deeds, deeds, deeds, (one, two, three) => {
        const whole = shown(addedUp([...one, ...two, ...three]));
        expect(shown(addedUp(one, two, three))).toEqual(whole);
        expect(shown(addedUp(three, one, two))).toEqual(whole);
        const pair = addedUp(one, two);
        const later = addedUp(three);
        later.addAll(pair);
        expect(shown(later)).toEqual(whole);
      }),
      { numRuns: 2_000 },
    );
  });

  it('count users, levels and whatever has a key once, however often they are told', () => {
    const once = fc.array(
      deed.filter((one) => {
        const tried = addedUp([one]);
        return [...tried.tenants.values()].every(({ days }) =>
          [...days.values()].every(({ users }) => users !== undefined),
        );
      }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(once, (told) => {
        expect(shown(addedUp(told, told))).toEqual(shown(addedUp(told)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('are the same again when their portions are added up, none of which is too large', () => {
    fc.assert(
      fc.property(deeds, fc.integer({ min: 1, max: 6 }), (told, mostRows) => {
        const whole = addedUp(told);
        const again = new UsageIncrements();
        for (const portion of whole.portions(mostRows)) {
          // The charges of a day stay together: two meters with two reset numbers are four rows at the most.
          expect(portion.rows).toBeLessThan(mostRows + 4);
          expect(portion.rows).toBeGreaterThan(0);
          again.addAll(portion);
        }
        expect(shown(again)).toEqual(shown(whole));
      }),
      { numRuns: 2_000 },
    );
  });

  it('stay at 2^53-1 and say so', () => {
    const told: string[] = [];
    const sum = new UsageIncrements((what) => told.push(what));
    sum.addCalls('a', '2026-11-24', MAX_COUNT - 1);
    expect(told).toEqual([]);
    sum.addCalls('a', '2026-11-24', 5);
    expect(told).toEqual(['apiCalls']);
    expect(sum.tenants.get('a')?.days.get('2026-11-24')?.apiCalls).toBe(MAX_COUNT);
    sum.addMeter('a', '2026-11-24', 'tokens', MAX_COUNT);
    sum.addMeter('a', '2026-11-24', 'tokens', MAX_COUNT);
    expect(told).toEqual(['apiCalls', 'tokens', 'tokens']);
    expect(sum.tenants.get('a')?.days.get('2026-11-24')?.meters?.get('tokens')).toBe(MAX_COUNT);
  });
});
