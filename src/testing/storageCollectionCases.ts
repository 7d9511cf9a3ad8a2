// The conformance suite of the collection of storage: what callers of the port may rely on, for every ledger alike. Needs no test
// framework, and no waiting: an hour never ends within a case, and no time at all has always ended.
import assert from 'node:assert/strict';
import type { ClaimRequest, CollectionState, StorageCollections } from '../ports/storageCollections.js';
import type { UsageLedger } from '../ports/usageLedger.js';
import { CaseLedger, freshTenant, uuidAt } from './usageLedgerCase.js';

/** One ledger by its two ports, as another process would have it. Nobody has collected on it yet. */
export interface CollectionStores {
  readonly ledger: UsageLedger;
  readonly collections: StorageCollections;
}

/** One guarantee of the port, as a run that throws where it does not hold. Each needs a ledger without a collection. */
export interface StorageCollectionCase {
  /** The guarantee, in words. */
  readonly name: string;
  /** Rejects with node:assert's AssertionError where the guarantee is broken. */
  run(makeStores: () => CollectionStores): Promise<void>;
}

const HOUR_MS = 3_600_000;
const AT_ONCE = 12;
/** Held for an hour, due again in an hour, no pause after a failure. */
const REQUEST = { everyMs: HOUR_MS, holdMs: HOUR_MS, retryMs: 0 };

const collectionCase = (
  name: string,
  body: (collections: StorageCollections, usage: CaseLedger, others: () => StorageCollections) => Promise<void>,
): StorageCollectionCase => ({
  name,
  run: async (makeStores) => {
    const { ledger, collections } = makeStores();
    await body(collections, new CaseLedger(ledger, () => makeStores().ledger), () => makeStores().collections);
  },
});

/** Claims as a process does: what it asks for comes after what it read. */
async function claimNext(collections: StorageCollections, request: Partial<ClaimRequest> = {}) {
  return collections.claim({ ...REQUEST, after: (await collections.state()).runNumber, ...request });
}

async function claimed(collections: StorageCollections, request: Partial<ClaimRequest> = {}) {
  return (await claimNext(collections, request)) ?? assert.fail('nothing was claimed');
}

const countsOf = ({ runNumber, failures, failure }: CollectionState) => ({ runNumber, failures, failure });

export const storageCollectionCases: readonly StorageCollectionCase[] = [
  collectionCase('before the first run nothing is known, and it is due', async (collections, usage) => {
    const { nowMs, ...state } = await collections.state();
    assert.ok(nowMs >= (await usage.now()) - HOUR_MS);
    const nothing = { last: undefined, claimedUntilMs: undefined, failure: undefined, retryAtMs: undefined };
    assert.deepEqual(state, { runNumber: 0, failures: 0, ...nothing });
    assert.equal((await claimed(collections)).runNumber, 1);
  }),

  collectionCase('of many that claim at once, one collects', async (_collections, _usage, others) => {
    for (const runNumber of [1, 2, 3]) {
      const everyMs = 0;
      const claims = await Promise.all(Array.from({ length: AT_ONCE }, () => claimNext(others(), { everyMs })));
      const [run, ...more] = claims.filter((one) => one !== undefined);
      assert.deepEqual([run?.runNumber, more], [runNumber, []]);
      assert.equal(await others().finish(run ?? assert.fail(), 1), true);
    }
  }),

  collectionCase('a run that ended well is the last for a period', async (collections) => {
    const run = await claimed(collections);
    assert.equal(await collections.finish(run, 17), true);
    const { last, claimedUntilMs, ...state } = await collections.state();
    const collectedAtMs = run.claimedAtMs;
    assert.deepEqual(last, { runNumber: 1, tenants: 17, everyMs: HOUR_MS, collectedAtMs });
    assert.deepEqual([claimedUntilMs, countsOf({ ...state, last, claimedUntilMs }).failures], [undefined, 0]);
    assert.equal(await claimNext(collections), undefined);
    // For whoever collects more often it is due.
    assert.equal((await claimNext(collections, { everyMs: 0 }))?.runNumber, 2);
  }),

  collectionCase('who claims after what it read long ago claims nothing', async (collections) => {
    await collections.finish(await claimed(collections), 1);
    assert.equal(await collections.claim({ ...REQUEST, everyMs: 0, after: 0 }), undefined);
  }),

  collectionCase('a claim holds as long as it is renewed, and is taken over once it has ended', async (collections) => {
    const run = await claimed(collections, { holdMs: 0 });
    assert.equal(await collections.renew(run.runNumber, HOUR_MS), true);
    assert.ok(((await collections.state()).claimedUntilMs ?? 0) >= run.claimedAtMs + HOUR_MS);
    assert.equal(await claimNext(collections), undefined);
    assert.equal(await collections.renew(run.runNumber, 0), true);
    assert.equal((await claimed(collections)).runNumber, run.runNumber + 1);
    // The run of a process that died counts as failed, as does one that has not ended yet.
    assert.deepEqual(countsOf(await collections.state()), { runNumber: 2, failures: 2, failure: undefined });
  }),

  collectionCase('who has lost the claim changes nothing any more', async (collections) => {
    const [tenant, earlier] = [freshTenant(), freshTenant()];
    const first = await claimed(collections);
    await collections.note(first.runNumber, [earlier]);
    await collections.finish(first, 1);
    const slow = await claimed(collections, { everyMs: 0, holdMs: 0 });
    const next = await claimed(collections, { everyMs: 0 });
    assert.equal(await collections.renew(slow.runNumber, HOUR_MS), false);
    assert.equal(await collections.note(slow.runNumber, [tenant]), undefined);
    await collections.note(next.runNumber, [tenant]);
    assert.equal(await collections.forget(slow.runNumber, [tenant, earlier]), 0);
    assert.deepEqual(await collections.vanished(next.runNumber, 10), [earlier]);
    assert.equal(await collections.finish(slow, 5), false);
    await collections.fail(slow.runNumber, 'too late', HOUR_MS);
    await collections.release(slow.runNumber);
    const { last, claimedUntilMs, failure } = await collections.state();
    assert.deepEqual([last?.runNumber, failure], [first.runNumber, undefined]);
    assert.ok(claimedUntilMs !== undefined);
    assert.equal(await collections.finish(next, 1), true);
    assert.deepEqual((await collections.note(next.runNumber, [tenant]))?.repeated, new Set([tenant]));
  }),

  collectionCase('a run that failed says why, and is not tried again before its pause is over', async (collections) => {
    const run = await claimed(collections);
    await collections.fail(run.runNumber, 'no \0 such bucket', HOUR_MS);
    const state = await collections.state();
    assert.deepEqual(countsOf(state), { runNumber: 1, failures: 1, failure: 'no  such bucket' });
    assert.ok(state.claimedUntilMs === undefined && (state.retryAtMs ?? 0) >= run.claimedAtMs + HOUR_MS);
    assert.equal(await claimNext(collections), undefined);
    await collections.fail(run.runNumber, 'again', 0);
    const { runNumber } = await claimed(collections);
    await collections.finish({ runNumber, claimedAtMs: run.claimedAtMs }, 1);
    assert.deepEqual(countsOf(await collections.state()), { runNumber: 2, failures: 0, failure: undefined });
    // What ended well stays so, whatever its process was told.
    await collections.fail(runNumber, 'no answer to finish', 0);
    assert.equal((await collections.state()).failures, 0);
  }),

  collectionCase('a process that ends gives its run to the next at once', async (collections) => {
    const run = await claimed(collections, { retryMs: HOUR_MS });
    await collections.release(run.runNumber);
    assert.equal((await collections.state()).failures, 0);
    assert.equal((await claimed(collections)).runNumber, 2);
  }),

  collectionCase('a process that dies in each of its runs is not followed at once', async (collections) => {
    await claimed(collections, { holdMs: 0, retryMs: HOUR_MS });
    assert.equal(await claimNext(collections), undefined);
  }),

  collectionCase(
    'tenants of earlier runs that a run does not find are told, until they are forgotten',
    async (first) => {
      const [kept, gone, later] = [freshTenant(), `${freshTenant()}"'\\,{}`, `${freshTenant()} é😀`];
      const one = await claimed(first);
      const noted = await first.note(one.runNumber, [kept, gone]);
      assert.deepEqual(noted, { levels: new Map(), repeated: new Set() });
      assert.deepEqual((await first.note(one.runNumber, [gone, later]))?.repeated, new Set([gone]));
      assert.deepEqual(await first.vanished(one.runNumber, 10), []);
      await first.finish(one, 3);
      const two = await claimed(first, { everyMs: 0 });
      assert.deepEqual(await first.note(two.runNumber, [kept]), { levels: new Map(), repeated: new Set() });
      assert.deepEqual([...(await first.vanished(two.runNumber, 10))].sort(), [gone, later].sort());
      assert.equal((await first.vanished(two.runNumber, 1)).length, 1);
      assert.equal(await first.forget(two.runNumber, [gone, kept]), 1);
      assert.deepEqual(await first.vanished(two.runNumber, 10), [later]);
    },
  ),

  collectionCase('present levels are told of tenants that have one', async (collections, usage) => {
    const [known, changed, unknown] = [freshTenant(), freshTenant(), freshTenant()];
    const { startsAt } = await usage.dayBefore(1);
    const point = (tenantId: string, atSeconds: number, bytes: number) => ({
      ...{ tenantId, atSeconds, bytes, id: uuidAt(atSeconds * 1000) },
    });
    const storage = [point(known, startsAt, 5), point(changed, startsAt - 86_400, 7), point(changed, startsAt + 9, 8)];
    await usage.apply({ storage });
    const run = await claimed(collections);
    const { levels } = (await collections.note(run.runNumber, [known, changed, unknown])) ?? assert.fail();
    assert.deepEqual(Object.fromEntries(levels), {
      [known]: { bytes: 5, atMs: startsAt * 1000 },
      [changed]: { bytes: 8, atMs: (startsAt + 9) * 1000 },
    });
  }),
];
