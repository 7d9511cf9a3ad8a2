// ANY /v1/authorize and below: the decision for a gateway that asks before it lets a request through, as nginx's auth_request,
// Envoy's ext_authz and Traefik's ForwardAuth do. Method and path are the client's, and mean nothing here; no body is read.
import type { ServerResponse } from 'node:http';
import type { Admit, Decision } from '../http/admit.js';
import { invalidRequest } from '../http/faults.js';
import { forwarding } from '../http/forwarding.js';
import type { Endpoint, MatchedRequest } from '../http/handler.js';
import { requestIdOf } from '../http/requestId.js';
import { queryOf } from '../http/requestInput.js';
import { sendProblem, setHeaders } from '../http/respond.js';
import type { IdOf } from '../http/tenantOf.js';

/** What the route needs. */
export interface AuthorizeParts {
  readonly decide: (tenantId: string, cost: number) => Decision | Promise<Decision>;
  readonly recordCall: (tenantId: string, usageDate: string) => void;
  readonly admit: Admit;
  /** Reads the tenant from the header that the gateway sets. */
  readonly tenantOf: IdOf;
  /** That header, in small letters; undefined: none is trusted. */
  readonly tenantHeader: string | undefined;
}

/**
 * Makes the handler: 200, or 429, with an empty body. Exactly 200, since Envoy takes any other status for a denial. A denial is
 * 403 where `?deny=403` asks for it: nginx makes a 500 of what is neither 401 nor 403.
 */
export function authorize(parts: AuthorizeParts): Endpoint {
  return forwarding(async (req, res) => {
    const tenantId = tenantOrThrow(parts, req);
    const decision = await parts.decide(tenantId, 1);
    if (decision.allowed) parts.recordCall(tenantId, decision.label.usageDate);
    const { status, headers, problem } = parts.admit(decision, () => requestIdOf(req));
    setHeaders(res, headers);
    if (status === 200) return sendEmpty(res, 200);
    // A policy's 503 and an unknown tenant's 403 say why: a person who sets up a gateway reads them.
    if (problem !== undefined && status !== 429) return sendProblem(res, problem);
    if (!queryOf(req).getAll('deny').includes('403')) return sendEmpty(res, 429);
    setHeaders(res, [['X-Tallygate-Status', '429']]);
    sendEmpty(res, 403);
  });
}

function tenantOrThrow({ tenantOf, tenantHeader }: AuthorizeParts, req: MatchedRequest): string {
  if (tenantHeader === undefined) {
    const message = 'expected a header that names the tenant: this server trusts none until TENANT_HEADER names it';
    throw invalidRequest([{ location: 'header', message }]);
  }
  const resolved = tenantOf(req);
  if (resolved.kind === 'id') return resolved.id;
  const message = resolved.kind === 'fault' ? resolved.fault : 'expected a tenant, got none';
  throw invalidRequest([{ location: `header.${tenantHeader}`, message }]);
}

function sendEmpty(res: ServerResponse, status: number): void {
  setHeaders(res, [
    ['Cache-Control', 'no-store'],
    ['Content-Length', '0'],
  ]);
  res.statusCode = status;
  res.end();
}
