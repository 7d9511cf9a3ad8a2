// What happens inside, told to whoever listens: metrics, traces, events, the log of denials. Listeners must not throw and must
// not wait; what they do with a tenant's id (never a metric label unless asked for) is theirs.
import type { Decision, DecisionOutcome } from '../core/quota/decision.js';

/** What became of a reservation, besides the decision about its estimate. */
export type ReservationEvent =
  | 'reserved'
  | 'committed'
  /** A commit above its estimate: charged in full. */
  | 'overrun'
  | 'released'
  /** A commit after the expiry: metered all the same, refunds nothing. */
  | 'late';

/** What became of units of a lease: taken as a block, given back unspent, or lost with a holder or an error of the store. */
export type LeaseEvent = 'taken' | 'returned' | 'burned';

/** Units above a hard limit that an outage policy let pass, as measured once the counters were whole again. */
export interface OverAdmission {
  readonly tenantId: string;
  /** The limit's name. */
  readonly limit: string;
  readonly units: number;
}

/** A run of a collection of storage that ended in this process. */
export interface StorageCollection {
  /** `broken_off`: its process ends, and another may take the run. */
  readonly outcome: 'collected' | 'failed' | 'broken_off';
  readonly seconds: number;
  /** Tenants that were found; 0 of a run that did not end well. */
  readonly tenants: number;
  /** What was told without a valid tenant id or a valid amount. */
  readonly leftOut: number;
}

/** Everything that is told. */
export interface Observer {
  /** A decision was made. `seconds` from the request's arrival. */
  decided(outcome: DecisionOutcome | 'unknown_tenant', seconds: number): void;
  /** The same decision as a whole, also one that no store took part in. In the turn in which it is made. */
  decisionMade(decision: Decision): void;
  /** A request passed that these limits, by name, would have refused if they were enforced. */
  shadowDenied(limitNames: readonly string[]): void;
  /** A request had no tenant and passed unmetered. */
  requestWithoutTenant(): void;
  /** One call of the counter store ended. */
  storeCalled(outcome: 'answered' | 'unavailable' | 'timeout', seconds: number): void;
  /** The counter store counts as down from now on: the outage policy decides. Told once an outage. */
  storeDown(reason: string): void;
  /** It answers again, `downMs` after `storeDown`. */
  storeUp(downMs: number): void;
  /** See {@link OverAdmission}. */
  overAdmitted(over: OverAdmission): void;
  /** See {@link ReservationEvent}. */
  reservation(event: ReservationEvent): void;
  /** See {@link LeaseEvent}. */
  leased(event: LeaseEvent, units: number): void;
  /** |counter store's clock - process's clock|. */
  clockOffset(offsetMs: number): void;
  /** A batch reached the ledger, or did not. `rows` is its size. */
  flushed(outcome: 'applied' | 'unavailable' | 'refused', rows: number, seconds: number): void;
  /** Distinct rows that wait to be flushed. */
  backlog(rows: number): void;
  /** Acknowledged usage that is in no ledger any more. */
  usageLost(records: number): void;
  /** See {@link StorageCollection}. */
  storageCollected(collection: StorageCollection): void;
  /** A figure reached 2^53-1 and stays there. */
  saturated(what: string): void;
}

/** Listens to nothing: for a command, of which nobody reads figures. */
export const silentObserver: Observer = {
  decided: () => {},
  decisionMade: () => {},
  shadowDenied: () => {},
  requestWithoutTenant: () => {},
  storeCalled: () => {},
  storeDown: () => {},
  storeUp: () => {},
  overAdmitted: () => {},
  reservation: () => {},
  leased: () => {},
  clockOffset: () => {},
  flushed: () => {},
  backlog: () => {},
  usageLost: () => {},
  storageCollected: () => {},
  saturated: () => {},
};
