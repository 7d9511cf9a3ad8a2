// The counter store: one number a tenant and window, charged all-or-nothing by the store's own clock.

import type { ChargeReply } from '../core/quota/chargeReply.js';
import type { ChargeRequest } from '../core/quota/chargeRequest.js';
import type { FinishReply, FinishRequest } from '../core/quota/reservation.js';

/**
 * Callers may rely on: one step for all windows and all costs of a request (a cost that is denied charges none); one reading of the
 * store's clock a call, returned as `timeMs`; by window, granted units never exceed the limit that was sent, as long as the store
 * remembers. A store without I/O answers with a value, the others with a promise. It throws or rejects with
 * `counter_store_unavailable` (nothing was charged) or `counter_store_timeout` (unknown), never with anything else, and never
 * sends a charge twice.
 */
export interface CounterStore {
  charge(request: ChargeRequest): ChargeReply | Promise<ChargeReply>;
  /** Ends a reservation: commits what it was, or takes it back. May be asked again with the same action. */
  finish(request: FinishRequest): FinishReply | Promise<FinishReply>;
  /** Resolves when the store can answer; rejects with what hinders it. */
  ready(): Promise<void>;
  /**
   * Grows with each connect, reconnect and error, that is whenever the store may have forgotten or gone back in time:
   * a caller then sends each tenant's floors once more, and gives no lease back that was taken before.
   */
  readonly generation: number;
  /** Lets calls in flight end and releases the connection. */
  close(): Promise<void>;
}
