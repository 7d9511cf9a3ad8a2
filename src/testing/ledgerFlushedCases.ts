// Part of the conformance suite of a ledger's upkeep: up to when everything that a producer booked is in the ledger.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { LedgerUpkeep, OpenProducer } from '../ports/ledgerUpkeep.js';
import { batchOf, type CaseLedger, callsOf, freshTenant } from './usageLedgerCase.js';

/** A guarantee, and what it does with a ledger. */
interface FlushedCase {
  readonly name: string;
  readonly body: (usage: CaseLedger, upkeep: LedgerUpkeep) => Promise<void>;
}

const DATE = '2024-02-29';
const MINUTE_MS = 60_000;
const aMinuteAgo = () => MINUTE_MS;

const batch = (producerId: string, from: number, to: number) =>
  batchOf(producerId, from, to, { calls: [callsOf(freshTenant(), DATE, 1)] });

async function rowOf(upkeep: LedgerUpkeep, producerId: string): Promise<OpenProducer> {
  return (await upkeep.openProducers()).find((one) => one.producerId === producerId) ?? assert.fail();
}

/** Runs `work` and asserts that the producer has flushed up to one minute before it afterwards, by the ledger's clock. */
async function flushesUpToAMinuteAgo(
  usage: CaseLedger,
  upkeep: LedgerUpkeep,
  { producerId, work }: { readonly producerId: string; readonly work: () => Promise<unknown> },
): Promise<void> {
  const before = await usage.now();
  await work();
  const after = await usage.now();
  const { flushedUntilMs = 0 } = await rowOf(upkeep, producerId);
  // A clock that is read in milliseconds may be one behind itself.
  assert.ok(before - MINUTE_MS - 1 <= flushedUntilMs && flushedUntilMs <= after - MINUTE_MS);
}

export const ledgerFlushedCases: readonly FlushedCase[] = [
  {
    name: 'a producer has brought nothing until a batch says up to when it brings everything; one that does not changes nothing',
    body: async (usage, upkeep) => {
      const producerId = await usage.producer();
      const { ledger } = usage;
      await ledger.apply(batch(producerId, 0, 1));
      assert.equal((await rowOf(upkeep, producerId)).flushedUntilMs, 0);
      const said = { ...batch(producerId, 1, 3), allBookedAgoMs: aMinuteAgo };
      await flushesUpToAMinuteAgo(usage, upkeep, { producerId, work: () => ledger.apply(said) });
      const { flushedUntilMs } = await rowOf(upkeep, producerId);
      await ledger.apply(batch(producerId, 3, 4));
      await ledger.registerProducer(producerId, { host: 'case', pid: 1 });
      assert.equal((await rowOf(upkeep, producerId)).flushedUntilMs, flushedUntilMs);
    },
  },
  {
    name: 'a batch that is not applied says nothing of what is there',
    body: async (usage, upkeep) => {
      const producerId = await usage.producer();
      const outcome = await usage.ledger.apply({ ...batch(producerId, 5, 6), allBookedAgoMs: aMinuteAgo });
      assert.deepEqual(outcome, { outcome: 'elsewhere', lastRecord: 0 });
      assert.equal((await rowOf(upkeep, producerId)).flushedUntilMs, 0);
    },
  },
  {
    name: 'whoever says that it lives hears where it stands, and has brought everything only where that is so',
    body: async (usage, upkeep) => {
      const producerId = await usage.producer();
      const { ledger } = usage;
      await ledger.apply(batch(producerId, 0, 2));
      assert.equal(await ledger.touchProducer(producerId, false), 2);
      // The ledger went back in time since.
      assert.equal(await ledger.touchProducer(producerId, false, { record: 3, agoMs: aMinuteAgo }), 2);
      assert.equal((await rowOf(upkeep, producerId)).flushedUntilMs, 0);
      const work = () => ledger.touchProducer(producerId, false, { record: 2, agoMs: aMinuteAgo });
      await flushesUpToAMinuteAgo(usage, upkeep, { producerId, work });
      assert.equal(await ledger.touchProducer(producerId, true), 2);
      assert.equal(await ledger.touchProducer(randomUUID(), false), undefined);
    },
  },
  {
    name: 'all producers have flushed up to no later than the one that is furthest behind',
    body: async (usage, upkeep) => {
      const [behind, ahead] = [await usage.producer(), await usage.producer()];
      for (const [producerId, agoMs] of [[behind, () => 9 * MINUTE_MS] as const, [ahead, aMinuteAgo] as const]) {
        await usage.ledger.apply({ ...batch(producerId, 0, 1), allBookedAgoMs: agoMs });
      }
      const { flushedByAllMs = Number.POSITIVE_INFINITY } = await upkeep.missing(freshTenant(), DATE);
      assert.ok(flushedByAllMs <= ((await rowOf(upkeep, behind)).flushedUntilMs ?? 0));
    },
  },
  {
    name: 'each request to flush is later than the one before, by the ledger’s clock',
    body: async (usage, upkeep) => {
      const before = await usage.now();
      const first = await upkeep.askToFlush();
      const second = await upkeep.askToFlush();
      assert.ok(before <= first && first <= second && second <= (await usage.now()) + 1);
    },
  },
];
