// Deliberately wrong variants, each shown to be caught: a suite that lets one of them pass proves nothing. The right one passes the
// same case or law first, so that none of them is caught for another reason.
import { afterEach, describe, expect, test } from 'vitest';
import { charge } from '../../src/core/quota/charge.js';
import type { Settlement } from '../../src/core/quota/lease.js';
import { RememberedDenials } from '../../src/services/admission/rememberedDenials.js';
import { type RedisConnection, redisConnection } from '../../src/stores/redis/redisConnection.js';
import { redisCounterStore } from '../../src/stores/redis/redisCounterStore.js';
import { CaseTenant } from '../../src/testing/counterStoreCase.js';
import { counterStoreCases } from '../../src/testing/index.js';
import { startCuttingProxy } from '../faults/cuttingProxy.js';
import { type DenialMemory, remembersDenialsRightly } from '../quota/denialLaw.js';
import { leasesNeverExceedTheLimit } from '../quota/leaseLaw.js';
import { holdsInAnySecond, shippedSliding } from '../quota/slidingLaw.js';
import { type ChargeRule, TenantCounters } from '../quota/tenantCounters.js';
import { sharedRedisUrl } from '../servers/redisServer.js';
import * as chargeMutants from './chargeMutants.js';
import { MutantStore } from './mutantStore.js';
import { usedAfterRelease } from './reservedMonth.js';
import { tenSegments, twoBuckets } from './slidingMutants.js';

describe('the conformance suite catches', () => {
  test.each<[string, ChargeRule, string]>([
    [
      'refunds without incarnation',
      chargeMutants.refundWithoutIncarnation,
      'nothing goes back to counters that began anew: of another incarnation, or after a reset',
    ],
    [
      'refunds into the next window',
      chargeMutants.refundIntoTheNextWindow,
      'each window gets its own part back: one that has ended none, one that runs on all of it',
    ],
    [
      'refunds below a floor',
      chargeMutants.refundBelowTheFloor,
      'giving back makes no counter, and takes none below 0 or below the floor that comes with it',
    ],
    [
      'figures of the ledger that are added',
      chargeMutants.floorsAdded,
      'a floor raises and never lowers, however often it comes',
    ],
    [
      'windows by the clock of the process',
      chargeMutants.windowsByTheProcess,
      'two clocks that disagree at an edge do not reset the counter',
    ],
    [
      'ten sliding segments',
      chargeMutants.tenSegmentsCounted,
      'a sliding window counts its present segment and the ten before it, and no longer',
    ],
    [
      'a group that is one sum',
      chargeMutants.groupAsOneSum,
      'a cost of a group that does not fit takes nothing from those behind it',
    ],
    ['a denial that is charged', chargeMutants.deniedIsCharged, 'a denied request charges no window'],
    [
      'a reset by a lower number',
      chargeMutants.lowerResetActs,
      'a process that does not know the reset yet counts after it, and is told its number',
    ],
  ])('%s', async (_, mutant, name) => {
    const named = counterStoreCases.find((one) => one.name === name);
    if (named === undefined) throw new Error(`expected a case "${name}"`);
    await named.run(() => new MutantStore(charge));
    await expect(named.run(() => new MutantStore(mutant))).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
  });
});

/** What a law found, where it does not hold. */
function brokenBy(law: () => void): string {
  try {
    law();
  } catch (error) {
    return error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  }
  return 'nothing';
}

describe('the law of sliding windows catches', () => {
  test.each([
    ['ten segments', tenSegments],
    ['two buckets of which the older is weighed', twoBuckets],
    [
      'ten segments in the rule itself',
      (limit: number, segmentMs: number) => {
        const counters = new TenantCounters(chargeMutants.tenSegmentsCounted);
        const windows = [{ field: 's', limit, denies: true, segmentMs }];
        return (cost: number, timeMs: number) =>
          counters.charge({ costs: [cost], windows }, timeMs).granted[0] === true;
      },
    ],
  ])('%s', (_, mutant) => {
    holdsInAnySecond(shippedSliding, 50);
    expect(brokenBy(() => holdsInAnySecond(mutant, 5_000))).toMatch(/within a second/);
  });
});

/** Takes a block back when its time is over, whether its holder gave it back, died, or spent it. */
class ReclaimedByTime extends TenantCounters {
  readonly #out: { readonly settlement: Settlement; readonly untilMs: number }[] = [];

  override charge(...[request, timeMs]: Parameters<TenantCounters['charge']>) {
    while (this.#out[0] !== undefined && timeMs >= this.#out[0].untilMs) {
      const { settlement } = this.#out.shift() ?? { settlement: undefined };
      super.charge({ costs: [], windows: [], settle: settlement }, timeMs);
    }
    const reply = super.charge({ ...request, settle: undefined }, timeMs);
    const windows = reply.windows.map(({ start }, index) => ({ field: request.windows[index]?.field ?? '', start }));
    const { incarnation, block } = reply;
    if (block > 0)
      this.#out.push({ settlement: { incarnation, block, rest: block, windows }, untilMs: timeMs + 1_000 });
    return reply;
  }
}

test('the law of leases catches blocks that are reclaimed by time', () => {
  leasesNeverExceedTheLimit(() => new TenantCounters());
  expect(brokenBy(() => leasesNeverExceedTheLimit(() => new ReclaimedByTime(), 2_000))).toMatch(/spent/);
});

/** Remembers a denial for as long as the window that refused lasts. */
class ToTheWindowsEnd implements DenialMemory {
  #kept: { settings: object; denial: Parameters<DenialMemory['keep']>[1]; untilMs: number } | undefined;

  keep(...[settings, denial, nowMs]: Parameters<DenialMemory['keep']>): void {
    const ends = denial.limits.map((one) => one.resetAtMs - denial.label.decidedAtMs);
    this.#kept = { settings, denial, untilMs: nowMs + Math.max(...ends) };
  }

  denialOf(...[, settings, cost, nowMs]: Parameters<DenialMemory['denialOf']>) {
    const kept = this.#kept;
    if (kept === undefined || kept.settings !== settings || nowMs >= kept.untilMs) return undefined;
    return cost < kept.denial.cost ? undefined : kept.denial;
  }

  forget(): void {
    this.#kept = undefined;
  }
}

test('the law of remembered denials catches one that is remembered to the window’s end', () => {
  remembersDenialsRightly(() => new RememberedDenials());
  expect(() => remembersDenialsRightly(() => new ToTheWindowsEnd())).toThrow(/no longer, however long the window/);
});

test('an estimate that is booked in the ledger is caught: released, it comes back with the next floor', async () => {
  expect(await usedAfterRelease((decision) => decision)).toBe(2);
  expect(await usedAfterRelease((decision) => ({ ...decision, isReservation: false }))).toBe(62);
});

describe('a reply that is lost on its way', () => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  /** Units counted for one charge of which the reply was lost. */
  async function countedAfterLostReply(mutate: (connection: RedisConnection) => RedisConnection): Promise<number> {
    const proxy = await startCuttingProxy(Number(new URL(sharedRedisUrl()).port));
    ends.push(() => proxy.close());
    const store = redisCounterStore(mutate(redisConnection(proxy.url)), { keyPrefix: `mutants-${process.pid}:` });
    ends.push(() => store.close());
    await store.ready();
    const tenant = new CaseTenant(store, `lost-${ends.length}-${Date.now()}`);
    const windows = [await tenant.present({ limit: 10 })];
    await tenant.ask(windows, { costs: [0] });
    proxy.cutNextReply();
    await tenant.ask(windows, { costs: [1] }).catch(() => undefined);
    expect(proxy.cuts).toBe(1);
    await store.ready();
    return (await tenant.used(windows))[0] ?? -1;
  }

  /** Every error of EVALSHA is taken for a server that does not know the script, also one that says nothing of what was run. */
  const evalOnAnyError = (connection: RedisConnection): RedisConnection => ({
    get generation() {
      return connection.generation;
    },
    ready: () => connection.ready(),
    close: () => connection.close(),
    send: async (command) => {
      await connection.ready();
      return connection.send((session) =>
        command({
          eval: (script, call) => session.eval(script, call),
          evalSha: async (sha1, call) => {
            try {
              return await session.evalSha(sha1, call);
            } catch {
              throw new Error('NOSCRIPT No matching script.');
            }
          },
        }),
      );
    },
  });

  test('is counted once, and an EVAL on any error is caught by its second charge', async () => {
    expect(await countedAfterLostReply((connection) => connection)).toBe(1);
    expect(await countedAfterLostReply(evalOnAnyError)).toBe(2);
  });
});
