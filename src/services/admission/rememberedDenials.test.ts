import { expect, test } from 'vitest';
import { decision, denied, fullLimit, limitState } from '../../../test/quota/decisions.js';
import { remembersDenialsRightly } from '../../../test/quota/denialLaw.js';
import { RememberedDenials } from './rememberedDenials.js';

const SETTINGS = {};

test('a denial is remembered for half a second at most, for costs as large, and while nothing has changed', () => {
  remembersDenialsRightly(() => new RememberedDenials());
});

test('what is remembered is the denial, of the cost that asks and at its time', () => {
  const memory = new RememberedDenials();
  const denial = denied({ cost: 3 });
  memory.keep(SETTINGS, denial, 100);
  expect(memory.denialOf('acme', SETTINGS, 5, 350)).toEqual({
    ...denial,
    cost: 5,
    label: { ...denial.label, decidedAtMs: denial.label.decidedAtMs + 250 },
  });
  expect(memory.denialOf('other', SETTINGS, 5, 350)).toBeUndefined();
});

test('a larger cost is refused by all limits that have no room for it, and told to come back when the last of them has', () => {
  const memory = new RememberedDenials();
  const sliding = fullLimit({ name: 'burst', resetAtMs: 10_000, fitsAtMs: 1_000 });
  const day = limitState({ name: 'day', limit: 100, used: 90, remaining: 10, resetAtMs: 90_000, fitsAtMs: 90_000 });
  memory.keep(SETTINGS, denied({ cost: 2, limits: [sliding, day] }), 0);
  const same = memory.denialOf('acme', SETTINGS, 2, 0);
  expect(same?.limits).toEqual([sliding, day]);
  const larger = memory.denialOf('acme', SETTINGS, 11, 0);
  expect(larger?.limits).toEqual([
    { ...sliding, fitsAtMs: 10_000 },
    { ...day, violated: true },
  ]);
});

test('no longer than its figures are true: until the first of its windows ends, whether that one refused or not', () => {
  const day = fullLimit({ name: 'day', resetAtMs: 90_000, fitsAtMs: 90_000 });
  for (const minute of [fullLimit({ resetAtMs: 50, fitsAtMs: 50 }), limitState({ resetAtMs: 50, fitsAtMs: 50 })]) {
    const memory = new RememberedDenials();
    memory.keep(SETTINGS, denied({ limits: [minute, day] }), 0);
    expect(memory.denialOf('acme', SETTINGS, 1, 49)).toBeDefined();
    expect(memory.denialOf('acme', SETTINGS, 1, 50)).toBeUndefined();
  }
});

test('what happened once is not remembered: a threshold that a floor reached is told by the denial itself alone', () => {
  const memory = new RememberedDenials();
  memory.keep(SETTINGS, denied({ crossed: [{ name: 'minute', level: 100 }], isReservation: true }), 0);
  expect(memory.denialOf('acme', SETTINGS, 1, 1)).toMatchObject({ crossed: [], isReservation: false });
});

test('what no hard limit refused is not kept', () => {
  const memory = new RememberedDenials();
  memory.keep(SETTINGS, denied({ limits: [] }), 0);
  memory.keep(SETTINGS, decision({ limits: [fullLimit({ enforce: 'soft' })] }), 0);
  memory.keep(SETTINGS, denied({ limits: [limitState(), fullLimit({ enforce: 'shadow' })] }), 0);
  expect(memory.denialOf('acme', SETTINGS, 1, 1)).toBeUndefined();
});

test('of 10,000 tenants the last denials are known, and those before are forgotten', () => {
  const memory = new RememberedDenials();
  for (let index = 0; index < 10_010; index += 1) memory.keep(SETTINGS, denied({ tenantId: `t${index}` }), 0);
  const known = (index: number) => memory.denialOf(`t${index}`, SETTINGS, 1, 1) !== undefined;
  expect([known(0), known(9), known(10), known(10_009)]).toEqual([false, false, true, true]);
});
