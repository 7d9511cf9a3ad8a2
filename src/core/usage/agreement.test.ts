import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RecordedUnits, windowAgreement } from './agreement.js';

const recorded = (ledger: number, pending = 0, unconfirmed = 0): RecordedUnits => ({
  ...{ ledger, unconfirmed },
  pending: pending === 0 ? [] : [{ producerId: 'p', units: pending, unconfirmed: 0 }],
});
const counted = (used: number, held: number) => ({ name: 'day', meter: '', startMs: 0, used, held });
const restOf = (used: number, held: number, before: RecordedUnits, after = before) =>
  windowAgreement(counted(used, held), { before, after }).rest;

describe('a rest is what nothing explains', () => {
  it.each<[string, number, number]>([
    ['used = ledger', restOf(5, 0, recorded(5)), 0],
    ['used = ledger + pending + held', restOf(12, 3, recorded(5, 4)), 0],
    ['what moves from pending to the ledger meanwhile', restOf(9, 0, recorded(5, 4), recorded(9)), 0],
    ['what is used meanwhile', restOf(7, 0, recorded(5), recorded(9)), 0],
    ['what was perhaps charged', restOf(7, 0, recorded(5, 0, 3)), 0],
    ['and not more than that', restOf(9, 0, recorded(5, 0, 3)), 1],
    ['what is held and spent already', restOf(12, 8, recorded(9)), 0],
    ['and not more than that', restOf(12, 8, recorded(13)), -1],
    ['counted, but not recorded', restOf(20, 1, recorded(5, 4), recorded(8, 4)), 7],
    ['recorded, but not counted', restOf(4, 0, recorded(5, 4), recorded(8, 4)), -5],
  ])('%s', (_, rest, expected) => {
    expect(rest).toBe(expected);
  });

  it('pending usage of several producers adds up, unconfirmed units included', () => {
    const pending = [1, 2].map((units) => ({ producerId: `p${units}`, units, unconfirmed: 1 }));
    const both = { ledger: 5, unconfirmed: 0, pending };
    expect([8, 10, 11].map((used) => restOf(used, 0, both))).toEqual([0, 0, 1]);
  });
});

describe('several looks leave what all of them leave', () => {
  it('a rest that hid in the traffic of one look is found with the next', () => {
    const first = windowAgreement(counted(107, 0), { before: recorded(98), after: recorded(110) });
    expect([first.rest, first.between, first.isMoving]).toEqual([0, { least: -3, most: 9 }, true]);
    const second = windowAgreement(counted(127, 0), { before: recorded(115), after: recorded(122) }, first.between);
    expect([second.rest, second.between]).toEqual([5, { least: 5, most: 9 }]);
  });

  it('looks that contradict each other count from the last on', () => {
    const earlier = { least: 7, most: 7 };
    const { rest, between } = windowAgreement(counted(5, 0), { before: recorded(5), after: recorded(5) }, earlier);
    expect([rest, between]).toEqual([0, { least: 0, most: 0 }]);
  });

  it('whatever moves, the true rest is never left out, and never told larger than it is', () => {
    const amount = fc.integer({ min: 0, max: 50 });
    const look = fc.record({ already: amount, unflushed: amount, until: amount, held: amount, spentOfHeld: amount });
    fc.assert(
      fc.property(fc.array(look, { minLength: 1, maxLength: 5 }), fc.integer({ min: -40, max: 40 }), (looks, truth) => {
        let total = 100;
        let between: { least: number; most: number } | undefined;
        for (const { already, unflushed, until, held, spentOfHeld } of looks) {
          // In order: what the first reading has, what was charged by the look, what the second reading has.
          const before = recorded(total + already);
          const charged = total + already + unflushed;
          const after = recorded(charged, until);
          const used = charged - Math.min(spentOfHeld, held) + held + truth;
          const found = windowAgreement(counted(used, held), { before, after }, between);
          expect(found.between.least).toBeLessThanOrEqual(truth);
          expect(found.between.most).toBeGreaterThanOrEqual(truth);
          expect(Math.abs(found.rest)).toBeLessThanOrEqual(Math.abs(truth));
          between = found.between;
          total = charged + until;
        }
      }),
    );
  });
});
