// The counter store of an installation, and the decisions that stand on it.
import type { QuotaMode } from '../config.js';
import type { TallygateError } from '../core/errors.js';
import type { Decision, StoreErrorPolicy } from '../core/quota/decision.js';
import type { Clock } from '../ports/clock.js';
import type { CounterStore } from '../ports/counterStore.js';
import type { Observer } from '../ports/observer.js';
import type { UsageLedger } from '../ports/usageLedger.js';
import { Admission } from '../services/admission/admission.js';
import { LeasePool } from '../services/admission/leasePool.js';
import { Rehydration } from '../services/admission/rehydration.js';
import { StoreBreaker } from '../services/admission/storeBreaker.js';
import { StoreClock } from '../services/admission/storeClock.js';
import { StoreGuard } from '../services/admission/storeGuard.js';
import { TurnBatch } from '../services/admission/turnBatch.js';
import type { TenantQuota } from '../services/usage/quotaService.js';
import { memoryCounterStore } from '../stores/memory/memoryCounterStore.js';
import { type Redis, redisConnection } from '../stores/redis/redisConnection.js';
import { redisCounterStore } from '../stores/redis/redisCounterStore.js';
import type { Health } from './health.js';
import type { Log } from './log.js';
import { outageNotice } from './outageNotice.js';

/** Which Redis; undefined: counters in the process. */
export type RedisChoice = { readonly server: Redis; readonly keyPrefix: string } | undefined;

/** Makes the store. Opens nothing. What hinders it is told to `health` and, now and then, to the log. */
export function counterStore(redis: RedisChoice, clock: Clock, health: Health, log: Log): CounterStore {
  if (redis === undefined) return memoryCounterStore(clock);
  const tell = outageNotice(
    clock,
    (error: Error) => error.message,
    (error) => log.warn({ reason: error.message }, 'The counter store does not answer.'),
  );
  const onConnectionError = (error: Error) => {
    health.waiting('the counter store', error.message);
    health.storeLost();
    tell(error);
  };
  return redisCounterStore(redisConnection(redis.server, { onConnectionError }), { keyPrefix: redis.keyPrefix });
}

/** What decisions need of the rest of an installation. */
export interface DecisionParts {
  readonly store: CounterStore;
  readonly sums: Pick<UsageLedger, 'sumCharges'>;
  readonly flushCharges: (tenantId: string) => Promise<void>;
  readonly quotaOf: (tenantId: string) => TenantQuota | Promise<TenantQuota>;
  /** Whether the store is shared by processes, and so reached by a network. */
  readonly isShared: boolean;
  readonly mode: QuotaMode;
  readonly refusesUnknown: boolean;
  readonly onDecision: (decision: Decision) => void;
  readonly policy: StoreErrorPolicy;
  readonly timeoutMs: number;
  readonly flushIntervalMs: number;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly log: Log;
}

/** Above this distance of the two clocks a person should know: labels follow the store's, logs and other systems the machine's. */
const OFFSET_WORTH_TELLING_MS = 1_000;

function offsetNotice(observer: Observer, clock: Clock, log: Log): (offsetMs: number) => void {
  const tell = outageNotice(
    clock,
    () => 'offset',
    (offsetMs: number) =>
      log.warn({ offsetMs }, "The counter store's clock and this process's are more than a second apart."),
  );
  return (offsetMs) => {
    observer.clockOffset(offsetMs);
    if (offsetMs > OFFSET_WORTH_TELLING_MS) tell(offsetMs);
  };
}

/** Decisions, and how their end gives back what this process still holds. */
export interface Decisions {
  readonly admission: Admission;
  /** The store as decisions see it: guarded, for what is no decision. */
  readonly store: CounterStore;
  /** Gives back what is left of leases. No decision may follow. */
  endLeases(): Promise<void>;
}

/** Guard, breaker, groups, leases, rehydration and admission around the store. */
export function decisions(parts: DecisionParts): Decisions {
  const { sums, flushCharges, flushIntervalMs, clock, observer, timeoutMs, log, isShared, mode } = parts;
  const storeClock = new StoreClock(clock, { clockOffset: offsetNotice(observer, clock, log) });
  const guarded = new StoreGuard({ store: parts.store, storeClock, clock, observer, timeoutMs });
  // Counters in the process answer at once: there is nothing to wait for, to gather, or to lease.
  const breaker = isShared ? new StoreBreaker({ store: guarded, clock, observer }) : undefined;
  const store = breaker === undefined ? guarded : new TurnBatch({ store: breaker, storeClock, clock });
  const leases = isShared && mode === 'leased' ? new LeasePool({ store, clock, observer }) : undefined;
  const rehydration = new Rehydration({
    sumCharges: (queries) => sums.sumCharges(queries),
    flushCharges,
    generation: () => store.generation,
    flushIntervalMs,
    clock,
  });
  const onStoreFailure = outageNotice(
    clock,
    (error: TallygateError) => error.code,
    (error) => log.warn({ code: error.code, reason: error.message }, 'The counter store did not decide a request.'),
  );
  const { quotaOf, onDecision, policy, refusesUnknown } = parts;
  const admission = new Admission({
    ...{ quotaOf, store, storeClock, rehydration, leases, policy, refusesUnknown, timeoutMs },
    storeRefuses: () => breaker?.isRefusing ?? false,
    remembersDenials: isShared,
    ...{ clock, observer, onStoreFailure, onDecision },
    localStore: memoryCounterStore(clock),
  });
  return { admission, store, endLeases: async () => leases?.close() };
}
