// Counters in the process: the pure rule over a map of tenants, with a bound on what it remembers.
//
// No timer forgets anything. Each charge looks at a few entries on its way round the map: what ended long ago goes, and above
// the bound on tenants also what can be given back by the ledger. A counter that still counts and that nobody else knows never
// goes, so a limit is never granted twice; rather than that, a new tenant is refused at the last bound.
import { TallygateError } from '../../core/errors.js';
import { type CounterWrites, charge } from '../../core/quota/charge.js';
import { chargeOnce, type KeyedChargeRequest } from '../../core/quota/chargeOnce.js';
import type { ChargeReply } from '../../core/quota/chargeReply.js';
import type { ChargeRequest } from '../../core/quota/chargeRequest.js';
import { meterCostsOf } from '../../core/quota/cost.js';
import { NO_COUNTERS, type StoredCounter, type StoredTenant } from '../../core/quota/counter.js';
import {
  type FinishReply,
  type FinishRequest,
  finish,
  KEEP_RESERVATION_MS,
  type StoredReservation,
} from '../../core/quota/reservation.js';
import type { Clock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';
import { aloneUntilOf, endOf } from './counterEnds.js';
import { RememberedAdmissions } from './rememberedAdmissions.js';

/** As in Redis: how long a tenant is kept after its longest window ended. */
const KEEP_AFTER_END_MS = 2 * 24 * 60 * 60 * 1000;
/** Entries looked at by one charge that writes. Two, so that a round ends before the map could have doubled. */
const STEPS_PER_CHARGE = 2;
/** The same above the bound on tenants. */
const STEPS_ABOVE_BOUND = 8;

/** How much it remembers. */
export interface MemoryCounterStoreOptions {
  /**
   * Tenants above which those are forgotten that lose nothing by it: their minute and hour have ended, and what else they
   * have the ledger knows, so that it comes back by `cold`.
   * @defaultValue 100,000 (about 100 MB with three windows each)
   */
  readonly maxTenants?: number;
  /**
   * Tenants above which a new one is refused with `counter_store_unavailable`: all of them are counting right now.
   * @defaultValue ten times `maxTenants`
   */
  readonly maxLiveTenants?: number;
  /**
   * Admissions under clients' keys that are remembered; the oldest are forgotten first.
   * @defaultValue 200,000 (about 80 MB)
   */
  readonly maxRemembered?: number;
}

/** A counter store that answers with values, never with promises. */
export interface ImmediateCounterStore extends CounterStore {
  charge(request: ChargeRequest): ChargeReply;
  finish(request: FinishRequest): FinishReply;
}

/** Counters in this process alone, by its own clock. */
export function memoryCounterStore(clock: Clock, options: MemoryCounterStoreOptions = {}): ImmediateCounterStore {
  const maxTenants = options.maxTenants ?? 100_000;
  return new MemoryCounterStore(clock, {
    maxTenants,
    maxLiveTenants: options.maxLiveTenants ?? 10 * maxTenants,
    maxRemembered: options.maxRemembered ?? 200_000,
  });
}

interface TenantCounters extends StoredTenant {
  readonly tenantId: string;
  incarnation: string | undefined;
  resetNumber: number;
  /** A Map, not an object: a field may have any name. */
  readonly counters: Map<string, StoredCounter>;
  readonly reservations: Map<string, StoredReservation & { readonly keepUntilMs: number }>;
  /** End of the longest window, and of the last reservation. */
  lastEndMs: number;
  /** Until when it counts something that the ledger does not know. */
  aloneUntilMs: number;
}

class MemoryCounterStore implements ImmediateCounterStore {
  /** It forgets only with the process. */
  readonly generation = 0;
  readonly #clock: Clock;
  readonly #maxTenants: number;
  readonly #maxLiveTenants: number;
  /** A Map, not an object: a tenant may be called `__proto__`. */
  readonly #tenants = new Map<string, TenantCounters>();
  readonly #remembered: RememberedAdmissions;
  #round: Iterator<TenantCounters>;
  /** Two incarnations within one millisecond must differ. */
  #lastMicros = 0;

  constructor(clock: Clock, bounds: Required<MemoryCounterStoreOptions>) {
    this.#clock = clock;
    this.#maxTenants = bounds.maxTenants;
    this.#maxLiveTenants = bounds.maxLiveTenants;
    this.#remembered = new RememberedAdmissions(bounds.maxRemembered);
    this.#round = this.#tenants.values();
  }

  charge(request: ChargeRequest): ChargeReply {
    const timeMs = Math.floor(this.#clock.wallMs());
    if (isKeyed(request)) return this.#chargeOnce(request, timeMs);
    const tenant = this.#tenants.get(request.tenantId);
    const { reply, writes } = charge(tenant ?? NO_COUNTERS, request, timeMs, this.#micros(timeMs));
    this.#write(request, writes, tenant, timeMs);
    return reply;
  }

  #chargeOnce(request: KeyedChargeRequest, timeMs: number): ChargeReply {
    const { tenantId, remember: asked } = request;
    const tenant = this.#tenants.get(tenantId);
    const known = this.#remembered.of(tenantId, asked.key, timeMs);
    const step = chargeOnce(tenant ?? NO_COUNTERS, request, known, timeMs, this.#micros(timeMs));
    // Refuses where there is no room for the tenant: then nothing was admitted.
    this.#write(request, step.writes, tenant, timeMs);
    if (step.remember !== undefined) this.#remembered.keep(tenantId, asked.key, step.remember);
    return step.reply;
  }

  #write(request: ChargeRequest, writes: CounterWrites, tenant: TenantCounters | undefined, timeMs: number): void {
    if (writes.counters.size === 0) return;
    this.#sweep(timeMs);
    // Looked up again: the sweep may have dropped this very entry, whose windows had all ended.
    const kept = this.#tenants.get(request.tenantId) ?? this.#add(request.tenantId, tenant);
    write(kept, request, writes);
    if (writes.reserved !== undefined) reserve(kept, request, writes, timeMs);
  }

  finish(request: FinishRequest): FinishReply {
    const timeMs = Math.floor(this.#clock.wallMs());
    const tenant = this.#tenants.get(request.tenantId);
    const known = tenant?.reservations.get(request.id);
    const { reply, counters, reservation } = finish(tenant ?? NO_COUNTERS, known, request.action, timeMs);
    for (const [field, counter] of counters) tenant?.counters.set(field, counter);
    if (known !== undefined && reservation !== undefined)
      tenant?.reservations.set(request.id, { ...reservation, keepUntilMs: known.keepUntilMs });
    return reply;
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#tenants.clear();
    this.#remembered.clear();
  }

  #micros(timeMs: number): string {
    this.#lastMicros = Math.max(timeMs * 1000, this.#lastMicros + 1);
    return String(this.#lastMicros);
  }

  #add(tenantId: string, swept: TenantCounters | undefined): TenantCounters {
    if (this.#tenants.size >= this.#maxLiveTenants)
      throw new TallygateError(
        'counter_store_unavailable',
        `The process counts ${this.#maxLiveTenants} tenants already: count in Redis (REDIS_URL)`,
      );
    const tenant = swept ?? emptyTenant(tenantId);
    this.#tenants.set(tenantId, tenant);
    return tenant;
  }

  #sweep(timeMs: number): void {
    const steps = this.#tenants.size >= this.#maxTenants ? STEPS_ABOVE_BOUND : STEPS_PER_CHARGE;
    for (let step = 0; step < steps; step += 1) {
      const next = this.#round.next();
      if (next.done === true) {
        this.#round = this.#tenants.values();
        return;
      }
      const { tenantId, lastEndMs, aloneUntilMs, reservations } = next.value;
      const ended = timeMs >= lastEndMs + KEEP_AFTER_END_MS;
      const givenBack = this.#tenants.size >= this.#maxTenants && timeMs >= aloneUntilMs;
      if (ended || givenBack) this.#tenants.delete(tenantId);
      else for (const [id, { keepUntilMs }] of reservations) if (timeMs >= keepUntilMs) reservations.delete(id);
    }
  }
}

const isKeyed = (request: ChargeRequest): request is KeyedChargeRequest => request.remember !== undefined;

const emptyTenant = (tenantId: string): TenantCounters => ({
  tenantId,
  incarnation: undefined,
  resetNumber: 0,
  counters: new Map(),
  reservations: new Map(),
  lastEndMs: 0,
  aloneUntilMs: 0,
});

function write(tenant: TenantCounters, request: ChargeRequest, writes: CounterWrites): void {
  if (writes.isReset) tenant.counters.clear();
  tenant.incarnation = writes.incarnation;
  tenant.resetNumber = writes.resetNumber;
  for (const window of request.windows) {
    const written = writes.counters.get(window.field);
    if (written === undefined) continue;
    tenant.lastEndMs = Math.max(tenant.lastEndMs, endOf(window, written));
    tenant.aloneUntilMs = Math.max(tenant.aloneUntilMs, aloneUntilOf(window, written));
  }
  for (const [field, counter] of writes.counters) tenant.counters.set(field, counter);
}

function reserve(tenant: TenantCounters, request: ChargeRequest, writes: CounterWrites, timeMs: number): void {
  const { reserve: asked, costs, meters } = request;
  if (asked === undefined || writes.reserved === undefined || writes.incarnation === undefined) return;
  const expiresAtMs = timeMs + asked.ttlMs;
  const keepUntilMs = Math.max(tenant.lastEndMs, expiresAtMs) + KEEP_RESERVATION_MS;
  tenant.reservations.set(asked.id, {
    ...{ state: 'open', estimate: costs[0] ?? 0, actual: 0, expiresAtMs, keepUntilMs },
    ...(meters === undefined ? {} : { meterEstimates: meterCostsOf(costs, meters) }),
    ...{ resetNumber: writes.resetNumber, incarnation: writes.incarnation, windows: writes.reserved },
  });
  tenant.lastEndMs = Math.max(tenant.lastEndMs, expiresAtMs);
  tenant.aloneUntilMs = Math.max(tenant.aloneUntilMs, keepUntilMs);
}
