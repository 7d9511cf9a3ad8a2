// A log's step and its usage are one: each line counts once, whoever replays the log how often.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import type { ReplayBatch, ReplayPosition } from '../ports/usageLedger.js';
import { callsOf, caseOf, freshTenant, NO_SUMS, rejectsWith, type UsageLedgerCase } from './usageLedgerCase.js';

const DATE = '2015-05-17';
const OPTIONS = '{"tenantBy":"host"}';

export const ledgerReplayCases: readonly UsageLedgerCase[] = [
  caseOf('a log stands where its last step ended', async (given) => {
    const [source, tenant] = [freshSource(), freshTenant()];
    assert.equal(await given.ledger.replayPosition(source), undefined);
    const [first, second] = [position(100), position(250)];
    assert.equal(await given.ledger.applyReplay(step(source, tenant, undefined, first)), 'applied');
    assert.deepEqual(await given.ledger.replayPosition(source), { ...first, options: OPTIONS });
    assert.equal(await given.ledger.applyReplay(step(source, tenant, first, second)), 'applied');
    assert.deepEqual(await given.ledger.replayPosition(source), { ...second, options: OPTIONS });
    assert.equal(await given.calls(tenant, DATE), 2);
  }),

  caseOf('a step that was taken already is lost and writes nothing', async (given) => {
    const [source, tenant] = [freshSource(), freshTenant()];
    const begin = step(source, tenant, undefined, position(100));
    const next = step(source, tenant, position(100), position(200));
    for (const taken of [begin, next]) {
      assert.equal(await given.ledger.applyReplay(taken), 'applied');
      assert.equal(await given.ledger.applyReplay(taken), 'lost');
    }
    assert.equal(await given.calls(tenant, DATE), 2);
  }),

  caseOf('a step from any other position, or under other options, is lost', async (given) => {
    const [source, tenant] = [freshSource(), freshTenant()];
    const at = position(100);
    await given.ledger.applyReplay(step(source, tenant, undefined, at));
    const wrong: ReplayBatch[] = [
      step(source, tenant, position(101), position(200)),
      step(source, tenant, { ...at, sha256: position(7).sha256 }, position(200)),
      step(source, tenant, { ...at, bytes: 99 }, position(200)),
      step(source, tenant, { ...at, lines: 3 }, position(200)),
      { ...step(source, tenant, at, position(200)), options: '{"tenantBy":"user"}' },
      step(freshSource(), tenant, at, position(200)),
    ];
    for (const batch of wrong) assert.equal(await given.ledger.applyReplay(batch), 'lost');
    assert.deepEqual(await given.ledger.replayPosition(source), { ...at, options: OPTIONS });
    assert.equal(await given.calls(tenant, DATE), 1);
  }),

  caseOf('of many that race for one step, one takes it', async (given) => {
    const [source, tenant] = [freshSource(), freshTenant()];
    for (const batch of [
      step(source, tenant, undefined, position(10)),
      step(source, tenant, position(10), position(20)),
    ]) {
      const outcomes = await Promise.all((await given.others(6)).map((ledger) => ledger.applyReplay(batch)));
      assert.deepEqual(outcomes.sort(), ['applied', 'lost', 'lost', 'lost', 'lost', 'lost']);
    }
    assert.equal(await given.calls(tenant, DATE), 2);
  }),

  caseOf('a refused step leaves the log where it was', async (given) => {
    const [source, tenant] = [freshSource(), freshTenant()];
    const batch = step(source, tenant, undefined, position(10));
    const refused = { ...batch, calls: [...batch.calls, callsOf(tenant, '2015-02-29', 1)] };
    await rejectsWith('ledger_refused', given.ledger.applyReplay(refused));
    assert.equal(await given.ledger.replayPosition(source), undefined);
    assert.equal(await given.calls(tenant, DATE), 0);
    assert.equal(await given.ledger.applyReplay(batch), 'applied');
  }),

  caseOf('any text can be the identity of a log', async (given) => {
    const tenant = freshTenant();
    const salt = freshSource();
    // Also those that no column could hold or index: a NUL, half a surrogate pair at the cut, a megabyte.
    const sources = [
      `\0${salt}`,
      `${salt}\0`,
      '🧮'.repeat(199).slice(1) + salt,
      `${salt}${'水'.repeat(300_000)}`,
      salt,
    ];
    for (const [index, source] of sources.entries()) {
      const at = position(index + 1);
      assert.equal(await given.ledger.applyReplay(step(source, tenant, undefined, at)), 'applied');
      assert.deepEqual(await given.ledger.replayPosition(source), { ...at, options: OPTIONS });
    }
    assert.equal(await given.calls(tenant, DATE), sources.length);
  }),
];

const freshSource = (): string => `192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /${randomUUID()} HTTP/1.1" 200 7`;

const position = (bytes: number): ReplayPosition => ({
  bytes,
  sha256: createHash('sha256').update(String(bytes)).digest('hex'),
  lines: 2,
});

const step = (source: string, tenantId: string, from: ReplayPosition | undefined, to: ReplayPosition): ReplayBatch => ({
  ...NO_SUMS,
  source,
  options: OPTIONS,
  from,
  to,
  calls: [callsOf(tenantId, DATE, 1)],
});
