// Cases of the counter store: requests with costs in several meters.
import assert from 'node:assert/strict';
import { type CounterStoreCase, caseOf, slidingSecond } from './counterStoreCase.js';

const METERS = ['tokens', 'rows'];

export const meterCases: readonly CounterStoreCase[] = [
  caseOf('costs of several meters are charged together or not at all', async (tenant) => {
    const windows = [
      await tenant.present({ field: 'own', limit: 10 }),
      { ...(await tenant.present({ field: 'tokens', limit: 100 })), meter: 1 },
      { ...slidingSecond(100), meter: 1 },
      { ...(await tenant.present({ field: 'rows', limit: 5 })), meter: 2 },
    ];
    const ask = (costs: readonly number[]) => tenant.ask(windows, { costs, meters: METERS });
    assert.deepEqual((await ask([1, 60, 2, 1, 30, 4, 1, 40, 0])).granted, [true, false, true]);
    const { windows: counted } = await ask([0, 0, 0]);
    assert.deepEqual(
      counted.map(({ used }) => used).filter((_, index) => index !== 2),
      [2, 100, 2],
    );
  }),

  caseOf('a block is of own units alone', async (tenant) => {
    const windows = [
      await tenant.present({ field: 'own', limit: 800 }),
      { ...(await tenant.present({ field: 'tokens', limit: 1 })), meter: 1 },
    ];
    const taken = await tenant.ask(windows, { costs: [1, 1], meters: ['tokens'], take: 50 });
    assert.deepEqual([taken.block, taken.charged], [50, 51]);
    assert.deepEqual(await tenant.standing(windows, ['tokens']), [
      [51, 50],
      [1, 0],
    ]);
  }),

  caseOf('a reservation is held and corrected meter by meter', async (tenant) => {
    const windows = [
      await tenant.present({ field: 'own', limit: 800 }),
      { ...(await tenant.present({ field: 'tokens', limit: 1_000 })), meter: 1 },
      { ...(await tenant.present({ field: 'rows', limit: 1_000 })), meter: 2 },
    ];
    const reserve = { id: 'r', ttlMs: 60_000 };
    await tenant.ask(windows, { costs: [1, 500, 0], meters: METERS, reserve });
    assert.deepEqual(await tenant.standing(windows, METERS), [
      [1, 1],
      [500, 500],
      [0, 0],
    ]);
    const meterActuals = [
      { meter: 'tokens', units: 320 },
      { meter: 'rows', units: 9 },
    ];
    const commit = { kind: 'commit', actual: 1, meterActuals } as const;
    const reply = await tenant.finish('r', commit);
    assert.deepEqual([reply.outcome, reply.meterEstimates], ['committed', [{ meter: 'tokens', units: 500 }]]);
    assert.equal(
      (await tenant.finish('r', { ...commit, meterActuals: meterActuals.toReversed() })).outcome,
      'committed',
    );
    assert.equal((await tenant.finish('r', { kind: 'commit', actual: 1 })).outcome, 'other_amount');
    assert.deepEqual(await tenant.standing(windows, METERS), [
      [1, 0],
      [320, 0],
      [9, 0],
    ]);
  }),

  caseOf('a reservation of a meter that no window counts can be committed', async (tenant) => {
    const windows = [await tenant.present({ field: 'own', limit: 800 })];
    await tenant.ask(windows, { costs: [0, 5], meters: ['tokens'], reserve: { id: 'r', ttlMs: 60_000 } });
    const meterActuals = [{ meter: 'tokens', units: 3 }];
    assert.equal((await tenant.finish('r', { kind: 'commit', actual: 0, meterActuals })).outcome, 'committed');
    assert.deepEqual(await tenant.standing(windows), [[0, 0]]);
  }),
];
