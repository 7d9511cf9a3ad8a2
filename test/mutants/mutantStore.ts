// A counter store in the process by any rule: what the conformance cases are shown a mutant with.
import type { ChargeReply } from '../../src/core/quota/chargeReply.js';
import type { ChargeRequest } from '../../src/core/quota/chargeRequest.js';
import type { FinishReply, FinishRequest } from '../../src/core/quota/reservation.js';
import type { CounterStore } from '../../src/ports/counterStore.js';
import { type ChargeRule, TenantCounters } from '../quota/tenantCounters.js';

/** See the head of this file. */
export class MutantStore implements CounterStore {
  readonly generation = 0;
  readonly #tenants = new Map<string, TenantCounters>();
  readonly #rule: ChargeRule;

  constructor(rule: ChargeRule) {
    this.#rule = rule;
  }

  charge(request: ChargeRequest): ChargeReply {
    return this.#tenant(request.tenantId).try(request, Date.now());
  }

  finish({ tenantId, id, action }: FinishRequest): FinishReply {
    return this.#tenant(tenantId).finish(id, action, Date.now());
  }

  ready = async (): Promise<void> => undefined;
  close = async (): Promise<void> => undefined;

  #tenant(tenantId: string): TenantCounters {
    const known = this.#tenants.get(tenantId) ?? new TenantCounters(this.#rule);
    this.#tenants.set(tenantId, known);
    return known;
  }
}
