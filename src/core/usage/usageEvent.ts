// Usage that somebody else tells of, one event at a time: what is counted, for whom, and under which name it counts once.

import type { Fault } from '../errors.js';

/** An event, read and well-formed. */
export interface UsageEvent {
  readonly tenantId: string;
  /** With the source: its name, under which it counts once for its tenant. */
  readonly source: string;
  readonly id: string;
  /** When it happened, in milliseconds since 1970; undefined: when it is received. */
  readonly atMs: number | undefined;
  /** API calls, or one of the team's own. */
  readonly meter: string;
  /** Of a counter how much, 1 where it is left out; of a level what it is from then on. Whole, from 0 to 2^53-1. */
  readonly value: number | undefined;
  /** A user who was active then. */
  readonly userId: string | undefined;
}

/** Why an event is not booked. */
export type EventRejection =
  | 'invalid_event'
  | 'time_out_of_range'
  | 'unknown_meter'
  | 'tenant_unknown'
  | 'ledger_refused';

/**
 * What became of an event. `duplicate`: it was booked before, within 35 days or earlier in the same batch. Errors are located at the
 * event's members.
 */
export type EventOutcome =
  | { readonly status: 'accepted' | 'duplicate' }
  | { readonly status: 'rejected'; readonly code: EventRejection; readonly errors: readonly Fault[] };
