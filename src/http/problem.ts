// Errors as a client sees them: the one table from a code to status, title and problem type, and the body of RFC 9457.
import { type ErrorCode, type Fault, TallygateError } from '../core/errors.js';

/** Codes of a problem: those of the domain, and two that only HTTP knows. */
export type ProblemCode = ErrorCode | 'not_found' | 'internal_error';

/** `application/problem+json`. Further members stand beside these where a code has some (`limits`, `violated-policies`). */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly requestId: string;
  readonly errors?: readonly Fault[];
  readonly [member: string]: unknown;
}

interface Kind {
  readonly status: number;
  readonly title: string;
  /** `about:blank` where none is named. */
  readonly type?: string;
  /** Said instead of the error's own words, which may name hosts and tables that are none of the client's business. */
  readonly detail?: string;
}

// Registered at IANA by draft-ietf-httpapi-ratelimit-headers.
const IANA = 'https://iana.org/assignments/http-problem-types#';
const REDUCED_CAPACITY = `${IANA}temporary-reduced-capacity`;
const TRY_AGAIN = 'Try again in a moment.';

const KINDS: Readonly<Record<ProblemCode, Kind>> = {
  invalid_request: { status: 400, title: 'Invalid request' },
  not_supported: { status: 400, title: 'Not supported yet' },
  unauthenticated: { status: 401, title: 'Authentication required' },
  forbidden: { status: 403, title: 'Forbidden' },
  tenant_unknown: {
    status: 403,
    title: 'Unknown tenant',
    detail: 'No quota is set for this tenant, and tenants without one are refused.',
  },
  not_found: { status: 404, title: 'Not found' },
  tenant_not_found: { status: 404, title: 'Tenant not found' },
  period_incomplete: { status: 409, title: 'Period not complete' },
  replay_refused: { status: 409, title: 'Replay refused' },
  reservation_released: {
    status: 409,
    title: 'Reservation released',
    detail: 'The reservation was released before; what it is committed with now is not counted.',
  },
  reservation_committed: {
    status: 409,
    title: 'Reservation committed',
    detail: 'The reservation was committed before and can be released no more.',
  },
  reservation_expired: {
    status: 410,
    title: 'Reservation expired',
    detail:
      'The reservation has expired or is not known. A commit that comes too late is metered all the same; nothing is given back.',
  },
  reservation_other_amount: {
    status: 422,
    title: 'Reservation committed with another amount',
    detail: 'The reservation was committed before, with another amount; that one stands.',
  },
  payload_too_large: { status: 413, title: 'Payload too large' },
  idempotency_conflict: {
    status: 422,
    title: 'Idempotency key used before',
    detail: 'Something else was booked under this Idempotency-Key before; that stands, and nothing was booked now.',
  },
  cost_exceeds_limit: { status: 422, title: 'Cost exceeds a limit' },
  quota_exceeded: { status: 429, title: 'Quota exceeded', type: `${IANA}quota-exceeded` },
  internal_error: {
    status: 500,
    title: 'Internal error',
    detail: 'Something went wrong on the server; its log says what.',
  },
  invalid_configuration: {
    status: 500,
    title: 'Invalid configuration',
    detail: 'The configuration is at fault; the log says where.',
  },
  ledger_refused: {
    status: 500,
    title: 'Ledger refused the data',
    detail: 'The database refused this data; the log says why.',
  },
  ledger_mismatch: {
    status: 500,
    title: 'Wrong ledger',
    detail: 'The database is not the one that this process began with.',
  },
  folder_locked: { status: 500, title: 'Data folder in use', detail: 'Another process has the data folder open.' },
  not_ready: { status: 503, title: 'Not ready', detail: `The server is not ready yet. ${TRY_AGAIN}` },
  closed: { status: 503, title: 'Shutting down', detail: `The server is shutting down. ${TRY_AGAIN}` },
  ledger_unavailable: {
    status: 503,
    title: 'Usage ledger unavailable',
    detail: `The usage ledger does not answer. ${TRY_AGAIN}`,
  },
  migrations_pending: {
    status: 503,
    title: 'Migrations pending',
    detail: 'The database lacks migrations: run npx tallygate migrate.',
  },
  counter_store_unavailable: {
    status: 503,
    title: 'Counter store unavailable',
    type: REDUCED_CAPACITY,
    detail: `The quota cannot be checked now, and without a check no request passes. ${TRY_AGAIN}`,
  },
  counter_store_timeout: {
    status: 503,
    title: 'Counter store too slow',
    type: REDUCED_CAPACITY,
    detail: `The quota could not be checked in time, and without a check no request passes. ${TRY_AGAIN}`,
  },
};

/** What a problem says beyond its code. */
export interface ProblemDetails {
  readonly requestId: string;
  /** @defaultValue the code's own words */
  readonly detail?: string;
  readonly errors?: readonly Fault[];
  readonly members?: Readonly<Record<string, unknown>>;
}

export function problem(code: ProblemCode, { requestId, detail, errors, members }: ProblemDetails): ProblemBody {
  const kind = KINDS[code];
  return {
    type: kind.type ?? 'about:blank',
    title: kind.title,
    status: kind.status,
    detail: detail ?? kind.detail ?? kind.title,
    code,
    requestId,
    ...(errors !== undefined && errors.length > 0 ? { errors } : {}),
    ...members,
  };
}

/** The problem of anything thrown. What is not a TallygateError is an `internal_error`: its words stay in the log. */
export function problemOf(error: unknown, requestId: string): ProblemBody {
  if (!(error instanceof TallygateError)) return problem('internal_error', { requestId });
  const { code, message, faults } = error;
  const ownWords = KINDS[code].detail !== undefined;
  return problem(code, { requestId, errors: faults, ...(ownWords ? {} : { detail: message }) });
}
