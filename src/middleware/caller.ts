// What both middlewares ask first: is this request theirs, and whose is it?
import type { IncomingMessage, ServerResponse } from 'node:http';
import { atOnce } from '../http/atOnce.js';
import { invalidRequest, isForClient } from '../http/faults.js';
import type { Next } from '../http/handler.js';
import { sendError } from '../http/respond.js';
import type { IdOf, OfRequest, Resolvers } from '../http/tenantOf.js';

/** What both middlewares need of the instance that they belong to. */
export interface CallerParts {
  readonly resolvers: Resolvers;
  /** Told of each request that has no tenant and passes; see {@link createTenantlessNotice}. */
  readonly tenantless: (req: IncomingMessage) => void;
  /** False: everything passes through, as in an app's own tests. */
  readonly enabled: boolean;
}

/** Options of both middlewares. */
export interface CallerOptions {
  /** Requests to leave alone: neither charged nor metered. @defaultValue none */
  readonly skip?: OfRequest<boolean> | undefined;
  /** Whether `OPTIONS` (the preflight of browsers) is treated as any other request. @defaultValue false */
  readonly includeOptions?: boolean | undefined;
}

/** The types of {@link CallerOptions}, for `checkMountOptions`. */
export const CALLER_OPTIONS = { skip: ['function'], includeOptions: ['boolean'] } as const;

/** Whether the request is none of ours. */
export function skipper({ skip, includeOptions = false }: CallerOptions): (req: IncomingMessage) => boolean {
  return (req) => (!includeOptions && req.method === 'OPTIONS') || atOnce(skip?.(req), 'skip') === true;
}

/** The id, undefined where there is none; a fault throws `invalid_request`, which names where the id stood. */
export function idOrThrow(idOf: IdOf, req: IncomingMessage): string | undefined {
  const resolved = idOf(req);
  if (resolved.kind === 'fault')
    throw invalidRequest([{ location: resolved.location ?? 'tenant', message: resolved.fault }]);
  return resolved.kind === 'id' ? resolved.id : undefined;
}

/** Answers what is about this request or this moment; what an app's own functions throw goes to the app's error handler. */
export function fail(req: IncomingMessage, res: ServerResponse, next: Next, error: unknown): void {
  if (isForClient(error)) sendError(req, res, error);
  else next(error);
}

const NOTICED = Symbol('tallygate noticed that this request has no tenant');

/**
 * Counts requests without a tenant, each once however many of our middlewares it passes, and warns of the first: the usual
 * cause is a mount before authentication. One notice serves all middlewares of an instance.
 */
export function createTenantlessNotice(
  observer: { requestWithoutTenant(): void },
  warn: (message: string) => void,
): CallerParts['tenantless'] {
  let warned = false;
  return (req: IncomingMessage & { [NOTICED]?: true }) => {
    if (req[NOTICED]) return;
    req[NOTICED] = true;
    observer.requestWithoutTenant();
    if (warned) return;
    warned = true;
    warn(TENANTLESS);
  };
}

const TENANTLESS =
  'A request has no tenant and passes unmetered. Is Tallygate mounted before authentication? Mount it after, or set ' +
  'resolveTenant, or requireTenant to refuse such requests. They are counted in tallygate_requests_without_tenant_total; this is said once.';
