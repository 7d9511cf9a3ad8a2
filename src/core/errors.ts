// What can go wrong, said once for every room. The domain knows no HTTP: src/http/problem.ts maps a code to a status.

/** Every code that an error of Tallygate can carry. */
export type ErrorCode =
  | 'invalid_request'
  | 'invalid_configuration'
  | 'not_supported'
  | 'unauthenticated'
  | 'forbidden'
  | 'tenant_not_found'
  | 'tenant_unknown'
  | 'payload_too_large'
  | 'idempotency_conflict'
  | 'period_incomplete'
  | 'quota_exceeded'
  | 'cost_exceeds_limit'
  | 'reservation_expired'
  | 'reservation_released'
  | 'reservation_committed'
  | 'reservation_other_amount'
  | 'not_ready'
  | 'counter_store_unavailable'
  | 'counter_store_timeout'
  | 'ledger_unavailable'
  | 'ledger_refused'
  | 'ledger_mismatch'
  | 'migrations_pending'
  | 'folder_locked'
  | 'replay_refused'
  | 'closed';

/** One thing that was wrong with an input: where it stood, and what was expected there. */
export interface Fault {
  /** Where it stood: `body.limits.day`, `query.from`, `path.tenantId`, an option's path, or an environment variable's name. */
  readonly location: string;
  /** What was expected and what was found, for a person. */
  readonly message: string;
}

/** The only error that Tallygate throws or rejects with. `code` says what went wrong, `message` also what to do about it. */
export class TallygateError extends Error {
  readonly code: ErrorCode;
  /** All faults of a refused input at once; empty where there is no input to blame. */
  readonly faults: readonly Fault[];

  constructor(code: ErrorCode, message: string, details: { cause?: unknown; faults?: readonly Fault[] } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'TallygateError';
    this.code = code;
    this.faults = details.faults ?? [];
  }
}

/** A refused input, with everything that was wrong with it in one message. */
export function invalidRequest(faults: readonly Fault[]): TallygateError {
  const message = faults.map((fault) => `${fault.location}: ${fault.message}`).join('; ');
  return new TallygateError('invalid_request', message, { faults });
}

/** A refused configuration: one line for each fault, beginning with the option or variable that is at fault. */
export function configurationFault(faults: readonly Fault[], cause?: unknown): TallygateError {
  const message = faults.map((fault) => `${fault.location}: ${fault.message}`).join('\n');
  return new TallygateError('invalid_configuration', message, { cause, faults });
}

/** Nothing is known of a tenant: a mistyped id must not be answered by zeros and a default plan. */
export const tenantNotFound = (): TallygateError =>
  new TallygateError('tenant_not_found', 'No tenant with this id has usage or a quota setting.');

/** Whether `error` is ours and carries one of `codes`. For catch blocks, which name what they expect and rethrow the rest. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is TallygateError {
  return error instanceof TallygateError && codes.includes(error.code);
}
