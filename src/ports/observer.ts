// What happens inside, told to whoever listens: metrics and logs. Listeners must not throw and must not wait.

/** Everything that is told. A fixed set: no event carries a tenant's id as a metric label. */
export interface Observer {
  /** A decision was made. `seconds` from the request's arrival. */
  decided(outcome: 'admitted' | 'denied' | 'cost_exceeds_limit' | 'unavailable' | 'unconfirmed', seconds: number): void;
  /** A request had no tenant and passed unmetered. */
  requestWithoutTenant(): void;
  /** One call of the counter store ended. */
  storeCalled(outcome: 'answered' | 'unavailable' | 'timeout', seconds: number): void;
  /** |counter store's clock - process's clock|. */
  clockOffset(offsetMs: number): void;
  /** A batch reached the ledger, or did not. `rows` is its size. */
  flushed(outcome: 'applied' | 'unavailable' | 'refused', rows: number, seconds: number): void;
  /** Distinct rows that wait to be flushed. */
  backlog(rows: number): void;
  /** Acknowledged usage that is in no ledger any more. */
  usageLost(records: number): void;
  /** A figure reached 2^53-1 and stays there. */
  saturated(what: string): void;
}

/** Listens to nothing: for a command, of which nobody reads figures. */
export const silentObserver: Observer = {
  decided: () => {},
  requestWithoutTenant: () => {},
  storeCalled: () => {},
  clockOffset: () => {},
  flushed: () => {},
  backlog: () => {},
  usageLost: () => {},
  saturated: () => {},
};
