import { expect, it } from 'vitest';
import { type RecordedUnits, windowAgreement } from './agreement.js';

const recorded = (ledger: number, pending = 0, unconfirmed = 0): RecordedUnits => ({
  ...{ ledger, unconfirmed },
  pending: pending === 0 ? [] : [{ producerId: 'p', units: pending, unconfirmed: 0 }],
});
const restOf = (used: number, held: number, before: RecordedUnits, after = before) =>
  windowAgreement({ name: 'day', startMs: 0, used, held }, before, after).rest;

it.each<[string, number, number]>([
  ['used = ledger', restOf(5, 0, recorded(5)), 0],
  ['used = ledger + pending + held', restOf(12, 3, recorded(5, 4)), 0],
  ['what moves from pending to the ledger meanwhile', restOf(9, 0, recorded(5, 4), recorded(9)), 0],
  ['what is used meanwhile', restOf(7, 0, recorded(5), recorded(9)), 0],
  ['what was perhaps charged', restOf(7, 0, recorded(5, 0, 3)), 0],
  ['and not more than that', restOf(9, 0, recorded(5, 0, 3)), 1],
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
