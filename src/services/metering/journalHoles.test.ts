// What a disk refused is a hole in a journal. Whether it is missing only the ledger can say: its owner may have brought it there.
import { expect, it } from 'vitest';
import { UsageIncrements } from '../../core/usage/increments.js';
import type { FoundJournal, JournalRecord } from '../../ports/usageJournal.js';
import type { ApplyOutcome, UsageBatch, UsageGap } from '../../ports/usageLedger.js';
import { replayJournal } from './journalReplay.js';

const PRODUCER = '00000000-0000-7000-8000-000000000001';

const unused = () => Promise.reject(new Error('not part of this test'));

function recordOf(to: number): JournalRecord {
  const increments = new UsageIncrements();
  increments.addCalls('acme', '2026-11-24', 1);
  return { from: to - 1, to, increments };
}

/** Replays a journal that lacks record 3 of 5 into a ledger that has the records up to `position`. */
async function replayed(position: number) {
  const records = [1, 2, 4, 5].map(recordOf);
  const journal: FoundJournal = {
    ...{ producerId: PRODUCER, after: 0, ledgerId: 'l', trouble: undefined },
    isAlive: () => Promise.resolve(false),
    read: (after, upTo) => Promise.resolve(records.filter((record) => record.from >= after && record.to <= upTo)),
    mark: () => Promise.resolve(true),
    finished: () => Promise.resolve(),
  };
  const told = { gaps: [] as UsageGap[], calls: 0, position };
  const apply = async (batch: UsageBatch): Promise<ApplyOutcome> => {
    if (batch.from !== told.position) return { outcome: 'elsewhere', lastRecord: told.position };
    told.position = batch.to;
    told.calls += batch.calls.reduce((sum, row) => sum + row.apiCalls, 0);
    return { outcome: 'applied' };
  };
  const ledger = {
    apply,
    recordGap: async (gap: UsageGap) => void told.gaps.push(gap),
    registerProducer: () => Promise.resolve('registered' as const),
    ...{ identity: unused, otherLiveProducers: unused },
  };
  const outcome = await replayJournal({ ledger, holder: { host: 'h', pid: 1 } }, journal, Buffer.alloc(32));
  return { ...told, ...outcome };
}

it.each([
  { position: 5, calls: 0 },
  { position: 3, calls: 2 },
])('a hole before record $position, where the ledger stands, is told as no gap', async ({ position, calls }) => {
  expect(await replayed(position)).toMatchObject({ gaps: [], lost: 0, calls, position: 5, isFinished: true });
});

it.each([
  { position: 0, calls: 4 },
  { position: 1, calls: 3 },
  { position: 2, calls: 2 },
])('and one beyond record $position, where the ledger stands, is', async ({ position, calls }) => {
  const gaps = [{ producerId: PRODUCER, from: 2, to: 3, reason: expect.any(String) }];
  expect(await replayed(position)).toMatchObject({ gaps, lost: 1, calls, position: 5, isFinished: true });
});
