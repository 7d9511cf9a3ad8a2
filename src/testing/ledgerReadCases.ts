// What is read back: ranges of days, sums of charges, the ledger's own identity, and who feeds it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ChargeRow, ChargeSumQuery } from '../ports/usageLedger.js';
import { batchOf, callsOf, caseOf, freshTenant, instantOf, type UsageLedgerCase, uuidAt } from './usageLedgerCase.js';

const HOUR_MS = 3_600_000;

export const ledgerReadCases: readonly UsageLedgerCase[] = [
  caseOf('a range holds both its ends and no other day, oldest first', async (given) => {
    const tenant = freshTenant();
    const dates = ['2024-03-02', '2024-02-29', '2024-03-01', '2024-02-28', '0001-01-01', '9999-12-31'];
    await given.apply({ calls: dates.map((date, index) => callsOf(tenant, date, index + 1)) });
    const read = async (from: string, to: string) =>
      (await given.ledger.readUsage(tenant, from, to)).days.map((day) => [day.usageDate, day.apiCalls]);
    assert.deepEqual(await read('2024-02-29', '2024-03-01'), [
      ['2024-02-29', 2],
      ['2024-03-01', 3],
    ]);
    assert.deepEqual(await read('0001-01-01', '0001-01-02'), [['0001-01-01', 5]]);
    assert.deepEqual(await read('9999-12-30', '9999-12-31'), [['9999-12-31', 6]]);
    assert.deepEqual(await read('2024-03-03', '2024-03-31'), []);
  }),

  caseOf('a tenant exists once it has any usage, wherever that lies, and not by being asked about', async (given) => {
    const [called, charged, asked] = [freshTenant(), freshTenant(), freshTenant()];
    await given.apply({
      calls: [callsOf(called, '2020-01-01', 1)],
      charges: [chargeOf(charged, { units: 0, denied: 1 })],
    });
    const exists = async (tenant: string) => (await given.ledger.readUsage(tenant, '2024-01-01', '2024-01-31')).exists;
    assert.deepEqual(await Promise.all([called, charged, asked, asked].map(exists)), [true, true, false, false]);
  }),

  caseOf('a reading says when it was made, by the clock of the ledger', async (given) => {
    const before = await given.now();
    const { readAtMs } = await given.ledger.readUsage(freshTenant(), '2024-01-01', '2024-01-31');
    assert.ok(before <= readAtMs && readAtMs <= (await given.now()), `${before} <= ${readAtMs}`);
  }),

  caseOf('charges are summed by tenant, meter, reset and range, in the order of the questions', async (given) => {
    const [one, two] = [freshTenant(), freshTenant()];
    await given.apply({
      charges: [
        chargeOf(one, { units: 1, usageDate: '2024-01-31' }),
        chargeOf(one, { units: 2, usageDate: '2024-02-01' }),
        chargeOf(one, { units: 4, usageDate: '2024-02-29' }),
        chargeOf(one, { units: 8, usageDate: '2024-02-01', resetNumber: 1_700_000_000_000_000 }),
        chargeOf(one, { units: 16, usageDate: '2024-02-01', meter: 'tokens' }),
        chargeOf(two, { units: 32, usageDate: '2024-02-01', denied: 64, unconfirmed: 128 }),
      ],
    });
    const february = { firstDate: '2024-02-01', lastDate: '2024-02-29' };
    const questions: [ChargeSumQuery, number][] = [
      [queryOf(two, february), 32],
      [queryOf(one, february), 6],
      [queryOf(one, { firstDate: '2024-01-31', lastDate: '2024-01-31' }), 1],
      [queryOf(one, { ...february, resetNumber: 1_700_000_000_000_000 }), 8],
      [queryOf(one, { ...february, meter: 'tokens' }), 16],
      [queryOf(freshTenant(), february), 0],
      [queryOf(one, february), 6],
    ];
    assert.deepEqual(
      await given.ledger.sumCharges(questions.map(([query]) => query)),
      questions.map(([, units]) => units),
    );
    assert.deepEqual(await given.ledger.sumCharges([]), []);
  }),

  caseOf('all who ask get one identity, with a key of 32 bytes', async (given) => {
    const identities = await Promise.all((await given.others(8)).map((ledger) => ledger.identity()));
    const first = await given.ledger.identity();
    assert.equal(first.hashKey.length, 32);
    assert.match(first.ledgerId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    for (const identity of identities) assert.deepEqual(identity, first);
  }),

  caseOf('a producer id is a UUIDv7 of the present, and no two are equal', async (given) => {
    const ids = [];
    for (let index = 0; index < 20; index++) ids.push(await given.ledger.newProducerId());
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(new Set(ids).size, 20);
    const instants = ids.map(instantOf);
    assert.deepEqual(
      instants,
      [...instants].sort((a, b) => a - b),
    );
    assert.ok(Math.abs((instants[0] ?? 0) - Date.now()) < 24 * HOUR_MS, 'expected the clocks to be of one day');
  }),

  caseOf('registering again changes nothing, and an id older than a day is refused', async (given) => {
    const holder = { host: 'case', pid: 7 };
    const now = await given.now();
    const [young, ahead, old] = [uuidAt(now - 23 * HOUR_MS), uuidAt(now + HOUR_MS), uuidAt(now - 25 * HOUR_MS)];
    for (const id of [young, ahead]) assert.equal(await given.ledger.registerProducer(id, holder), 'registered');
    const batch = batchOf(young, 0, 5, {});
    await given.ledger.apply(batch);
    assert.equal(await given.ledger.registerProducer(young, holder), 'registered');
    assert.deepEqual(await given.ledger.apply(batch), { outcome: 'elsewhere', lastRecord: 5 });
    assert.equal(await given.ledger.registerProducer(old, holder), 'refused');
    assert.deepEqual(await given.ledger.apply({ ...batch, producerId: old }), { outcome: 'unregistered' });
  }),

  caseOf('a producer is live from its registration until it closes, and no stranger to itself', async (given) => {
    const [own, other] = [await given.ledger.newProducerId(), await given.ledger.newProducerId()];
    const pid = 1 + Math.floor(Math.random() * 1_000_000);
    await given.ledger.registerProducer(own, { host: 'case', pid });
    await given.ledger.registerProducer(other, { host: 'elsewhere', pid });
    const liveFor = async (id: string) =>
      (await given.ledger.otherLiveProducers(id)).filter(
        (one) => one.pid === pid && [own, other].includes(one.producerId),
      );
    assert.deepEqual(await liveFor(own), [{ producerId: other, host: 'elsewhere', pid }]);
    await given.ledger.touchProducer(other, false);
    assert.equal((await liveFor(own)).length, 1);
    await given.ledger.touchProducer(other, true);
    await given.ledger.touchProducer(other, false); // a heartbeat that was under way when it closed
    assert.deepEqual(await liveFor(own), []);
    assert.equal((await liveFor(randomUUID())).length, 1);
  }),

  caseOf('a gap may be said twice', async (given) => {
    const gap = { producerId: await given.producer(), from: 3, to: 9, reason: 'case' };
    await given.ledger.recordGap(gap);
    await given.ledger.recordGap(gap);
  }),
];

const chargeOf = (tenantId: string, more: Partial<ChargeRow>): ChargeRow => ({
  tenantId,
  usageDate: '2024-01-01',
  meter: '',
  resetNumber: 0,
  units: 1,
  denied: 0,
  unconfirmed: 0,
  overage: 0,
  ...more,
});

const queryOf = (
  tenantId: string,
  more: Partial<ChargeSumQuery> & { firstDate: string; lastDate: string },
): ChargeSumQuery => ({
  tenantId,
  meter: '',
  resetNumber: 0,
  ...more,
});
