// The pure rule with a clock of its own, as far from this process as Redis is: what admission is tested against.
import type { TallygateError } from '../../src/core/errors.js';
import type { ChargeReply } from '../../src/core/quota/chargeReply.js';
import type { ChargeRequest } from '../../src/core/quota/chargeRequest.js';
import type { FinishReply, FinishRequest } from '../../src/core/quota/reservation.js';
import type { CounterStore } from '../../src/ports/counterStore.js';
import { TenantCounters } from './tenantCounters.js';

/** See the head of this file. */
export class FarStore implements CounterStore {
  generation = 1;
  aheadMs = 0;
  /** What every call fails with, after it was counted among the requests. */
  failure: TallygateError | undefined;
  readonly requests: ChargeRequest[] = [];
  readonly tenants = new Map<string, TenantCounters>();
  readonly #wallMs: () => number;

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  async charge(request: ChargeRequest): Promise<ChargeReply> {
    this.requests.push(request);
    if (this.failure !== undefined) throw this.failure;
    const tenant = this.tenants.get(request.tenantId) ?? new TenantCounters();
    const reply = tenant.try(request, this.#now());
    if (tenant.stored.incarnation !== undefined) this.tenants.set(request.tenantId, tenant);
    return reply;
  }

  async finish({ tenantId, id, action }: FinishRequest): Promise<FinishReply> {
    const tenant = this.tenants.get(tenantId) ?? new TenantCounters();
    return tenant.finish(id, action, this.#now());
  }

  get last(): ChargeRequest {
    return this.requests.at(-1) as ChargeRequest;
  }

  async ready(): Promise<void> {}
  async close(): Promise<void> {}

  #now(): number {
    return Math.floor(this.#wallMs() + this.aheadMs);
  }
}
