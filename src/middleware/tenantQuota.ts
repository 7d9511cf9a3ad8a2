// The middleware that asks the quota: it charges the request's cost to its tenant, lets it pass or answers 429, and tells
// the client in headers where its limits stand. Synchronous from end to end where the decision is.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Meters } from '../core/meter.js';
import { ownUnits, type RequestCost } from '../core/quota/cost.js';
import { type Cost, readCost } from '../core/quota/readCost.js';
import type { Admit, Decision } from '../http/admit.js';
import { atOnce } from '../http/atOnce.js';
import { type CostTable, costByTable, costTableFaults } from '../http/costTable.js';
import { configurationFault, invalidRequest, TallygateError } from '../http/faults.js';
import type { Handler, Next } from '../http/handler.js';
import { requestIdOf } from '../http/requestId.js';
import { sendProblem, setHeaders } from '../http/respond.js';
import type { OfRequest, RequestState, ResolvableRequest } from '../http/tenantOf.js';
import type { Asked } from '../services/admission/attempt.js';
import { CALLER_OPTIONS, type CallerOptions, type CallerParts, fail, idOrThrow, skipper } from './caller.js';
import { checkMountOptions } from './mountOptions.js';

/** What the middleware needs of the instance that it belongs to. */
export interface TenantQuotaParts extends CallerParts {
  readonly decide: (tenantId: string, cost: number, asked?: Asked) => Decision | Promise<Decision>;
  readonly meters: Meters;
  readonly admit: Admit;
}

/** How one mount of `tenantQuota` treats its requests. */
export interface TenantQuotaOptions extends CallerOptions {
  /**
   * What a request costs: whole units from 0 to 2^53-1; by itself, by its route, or by a function, which may also answer amounts by
   * meter. @defaultValue `1`
   */
  readonly cost?: number | OfRequest<Cost> | CostTable | undefined;
  /** Whether a request without a tenant is refused (400) instead of passing unmetered. @defaultValue false */
  readonly requireTenant?: boolean | undefined;
}

/**
 * Makes the middleware. Each mount charges: a request that passes two is charged twice. Errors that `cost`, `skip` and the
 * resolvers throw go to `next`.
 *
 * @throws TallygateError `invalid_configuration` for an unknown option, one of another type, or a number or table that no cost can be.
 */
export function createTenantQuota(parts: TenantQuotaParts, options: TenantQuotaOptions = {}): Handler {
  const { decide, admit, resolvers, tenantless, enabled } = parts;
  checkMountOptions<TenantQuotaOptions>('tenantQuota', options, {
    ...CALLER_OPTIONS,
    cost: ['number', 'function', 'object'],
    requireTenant: ['boolean'],
  });
  const { requireTenant = false } = options;
  const skips = skipper(options);
  const costOf = costFunction(options.cost ?? 1, parts.meters);
  if (!enabled)
    return function tenantQuota(_req, _res, next) {
      next();
    };

  function conclude(req: IncomingMessage, res: ServerResponse, next: Next, decision: Decision): void {
    (req as IncomingMessage & { tallygate?: RequestState }).tallygate = { decision };
    const response = admit(decision, () => requestIdOf(req));
    setHeaders(res, response.headers);
    if (response.problem === undefined) next();
    else sendProblem(res, response.problem);
  }

  function decideOn(req: IncomingMessage): Decision | Promise<Decision> | undefined {
    if (skips(req)) return undefined;
    const tenantId = idOrThrow(resolvers.tenantOf, req);
    if (tenantId !== undefined) {
      const asked = costOf(req);
      return decide(tenantId, asked.cost, asked);
    }
    if (requireTenant) throw invalidRequest([{ location: 'tenant', message: 'expected a tenant, got none' }]);
    tenantless(req);
    return undefined;
  }

  return function tenantQuota(req, res, next) {
    let decision: Decision | Promise<Decision> | undefined;
    try {
      decision = decideOn(req);
    } catch (error) {
      return fail(req, res, next, error);
    }
    // next() is called outside the try block: what later handlers throw is not ours to catch.
    if (decision === undefined) return next();
    if (!(decision instanceof Promise)) return conclude(req, res, next, decision);
    // A promise's continuation runs in the async context of the request that attached it. What next() throws there becomes an
    // unhandled rejection, as it would be an uncaught exception in any callback: it must not call next() a second time.
    decision.then(
      (made) => conclude(req, res, next, made),
      (error: unknown) => fail(req, res, next, error),
    );
  };
}

function costFunction(
  cost: number | OfRequest<Cost> | CostTable,
  meters: Meters,
): (req: ResolvableRequest) => RequestCost {
  if (typeof cost === 'object') {
    const faults = costTableFaults(cost, 'tenantQuota.cost');
    if (faults.length > 0) throw configurationFault(faults);
    const unitsOf = costByTable(cost);
    return (req) => ownUnits(unitsOf(req));
  }
  if (typeof cost === 'number') {
    const fixed = checkedCost(cost, meters);
    return () => fixed;
  }
  return (req) => checkedCost(atOnce(cost(req), 'cost'), meters);
}

function checkedCost(cost: Cost, meters: Meters): RequestCost {
  const read = readCost(cost, meters, 'cost');
  if (read.faults.length === 0) return read;
  const message = read.faults.map((fault) => `${fault.location}: ${fault.message}`).join('; ');
  throw new TallygateError('invalid_configuration', message);
}
