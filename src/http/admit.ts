// A decision as an HTTP response needs it: status, headers, and the problem of a refusal. Pure; who calls it writes them.
import { type Decision, refusingLimits, retryAfterMs } from '../core/quota/decision.js';
import { type ProblemBody, problem } from './problem.js';
import { type HeaderStyle, limitedOnly, rateLimitHeaders } from './rateLimitHeaders.js';
import type { HeaderPair } from './respond.js';

export type { Decision } from '../core/quota/decision.js';

/** What the response to a decided request carries. */
export interface AdmissionResponse {
  /** 200: the request goes on. */
  readonly status: number;
  readonly headers: readonly HeaderPair[];
  /** Undefined: the request goes on. */
  readonly problem: ProblemBody | undefined;
}

/** A limit in a response's body. */
export interface LimitBody {
  readonly name: string;
  /** Absent: own units. */
  readonly meter?: string;
  readonly limit: number;
  readonly remaining: number;
  /** ISO 8601 in UTC. */
  readonly resetAt: string;
}

/** Translates a decision; `requestId` is called only for a problem. */
export type Admit = (decision: Decision, requestId: () => string) => AdmissionResponse;

export function createAdmit(style: HeaderStyle): Admit {
  const headersOf = rateLimitHeaders(style);
  return (decision, requestId) => {
    const headers = headersOf(decision);
    if (decision.allowed) return { status: 200, headers, problem: undefined };
    const refusal = refusalOf(decision, requestId());
    const retryAfter: HeaderPair[] =
      refusal.status === 429 ? [['Retry-After', String(Math.max(1, Math.ceil(retryAfterMs(decision) / 1000)))]] : [];
    return { status: refusal.status, headers: [...headers, ...retryAfter], problem: refusal };
  };
}

/** The limits of a decision that have a number, for a body. */
export const limitBodies = (decision: Decision): LimitBody[] =>
  limitedOnly(decision.limits).map(({ name, meter, limit, remaining, resetAtMs }) => ({
    name,
    ...(meter === undefined ? {} : { meter }),
    limit,
    remaining,
    resetAt: new Date(resetAtMs).toISOString(),
  }));

function refusalOf(decision: Decision, requestId: string): ProblemBody {
  switch (decision.outcome) {
    case 'denied': {
      const violated = refusingLimits(decision).map((state) => state.name);
      const detail = `The quota has no room for ${costText(decision)} now: ${violated.join(', ')}.`;
      const members = { 'violated-policies': violated, limits: limitBodies(decision) };
      return problem('quota_exceeded', { requestId, detail, members });
    }
    case 'cost_exceeds_limit': {
      const limits = decision.exceeded.map(({ name, meter, limit }) => ({
        name,
        ...(meter === undefined ? {} : { meter }),
        limit,
      }));
      const names = limits.map((one) => `${one.name} (${one.limit})`).join(', ');
      const detail = `A cost of ${costText(decision)} is above a limit of the tenant and can never pass: ${names}.`;
      return problem('cost_exceeds_limit', { requestId, detail, members: { limits } });
    }
    case 'unknown_tenant':
      return problem('tenant_unknown', { requestId });
    default: {
      const code = decision.chargeUnknown ? 'counter_store_timeout' : 'counter_store_unavailable';
      return problem(code, { requestId });
    }
  }
}

/** `1 unit`, `1 unit and 500 tokens`: meters by their own names, since a unit's plural is nobody's to guess. */
function costText({ cost, meterCosts }: Decision): string {
  const own = cost === 1 ? '1 unit' : `${cost} units`;
  const metered = meterCosts.map(({ meter, units }) => `${units} ${meter}`);
  return (cost === 0 && metered.length > 0 ? metered : [own, ...metered]).join(' and ');
}
