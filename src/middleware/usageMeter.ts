// The middleware that meters: one API call and its user, booked to the day of the request's decision, once a request.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { atOnce } from '../http/atOnce.js';
import type { Handler, Next } from '../http/handler.js';
import type { RequestState, ResolvableRequest } from '../http/tenantOf.js';
import { CALLER_OPTIONS, type CallerOptions, type CallerParts, fail, idOrThrow, skipper } from './caller.js';
import { checkMountOptions } from './mountOptions.js';

/** What the middleware needs of the instance that it belongs to. */
export interface UsageMeterParts extends CallerParts {
  readonly recordCall: (tenantId: string, usageDate: string, userId: string | undefined) => void;
  /** The tenant's date by the process's clock, for requests that no quota decided about. */
  readonly usageDateOf: (tenantId: string) => string;
  /** The start: until it has come, the day of a request that no quota decided about is not known. */
  readonly start: { readonly isOpen: boolean; whenOpen(): Promise<unknown> };
  /** False: nothing is booked. The quota goes on without. */
  readonly meterEnabled: boolean;
  readonly warn: (message: string, error: unknown) => void;
}

/** How one mount of `usageMeter` treats its requests. */
export interface UsageMeterOptions extends CallerOptions {
  /**
   * Whether a request counts, asked when its response closes, aborted ones too. It changes what is billed, never what the
   * quota was charged. Where it throws, the request counts and the error is logged: nobody is left to hand it to.
   * @defaultValue every request counts, at once when the middleware runs
   */
  readonly countWhen?: { when(req: ResolvableRequest, res: ServerResponse): boolean }['when'] | undefined;
}

const METERED = Symbol('tallygate metered this request');

interface MeteredRequest extends IncomingMessage {
  [METERED]?: true;
  tallygate?: RequestState;
}

/**
 * Makes the middleware. A request is metered once, however often the middleware is mounted.
 * @throws TallygateError `invalid_configuration` for an unknown option, or one of another type.
 */
export function createUsageMeter(parts: UsageMeterParts, options: UsageMeterOptions = {}): Handler {
  const { recordCall, usageDateOf, start, resolvers, tenantless, warn } = parts;
  checkMountOptions<UsageMeterOptions>('usageMeter', options, { ...CALLER_OPTIONS, countWhen: ['function'] });
  const { countWhen } = options;
  const skips = skipper(options);
  if (!parts.enabled || !parts.meterEnabled)
    return function usageMeter(_req, _res, next) {
      next();
    };

  /** The tenant to meter; undefined where there is nothing to book. */
  function toMeter(req: MeteredRequest): string | undefined {
    if (req[METERED] || skips(req)) return undefined;
    // What the quota was charged for is what is metered: its tenant, its day. Asking again could name another tenant.
    const tenantId = req.tallygate?.decision.tenantId ?? idOrThrow(resolvers.tenantOf, req);
    if (tenantId === undefined) tenantless(req);
    return tenantId;
  }

  function book(req: MeteredRequest, res: ServerResponse, tenantId: string): void {
    const userId = idOrThrow(resolvers.userOf, req);
    const usageDate = req.tallygate?.decision.label.usageDate ?? usageDateOf(tenantId);
    req[METERED] = true;
    if (countWhen === undefined) recordCall(tenantId, usageDate, userId);
    else whenClosed(res, () => counts(req, res) && recordCall(tenantId, usageDate, userId));
  }

  function counts(req: IncomingMessage, res: ServerResponse): boolean {
    try {
      return atOnce(countWhen?.(req, res), 'countWhen') !== false;
    } catch (error) {
      warn('countWhen threw; the request counts', error);
      return true;
    }
  }

  function bookAndPass(req: MeteredRequest, res: ServerResponse, next: Next, tenantId: string): void {
    try {
      book(req, res, tenantId);
    } catch (error) {
      fail(req, res, next, error);
      return;
    }
    next();
  }

  return function usageMeter(req: MeteredRequest, res, next) {
    let tenantId: string | undefined;
    try {
      tenantId = toMeter(req);
    } catch (error) {
      return fail(req, res, next, error);
    }
    if (tenantId === undefined) return next();
    const metered = tenantId;
    // Only who needs the tenant's calendar waits for it: a decision has its day, and has waited already.
    if (req.tallygate !== undefined || start.isOpen) return bookAndPass(req, res, next, metered);
    void start.whenOpen().then(() => bookAndPass(req, res, next, metered));
  };
}

/** A response that closed while the quota was being asked closes only once: its event is over. */
function whenClosed(res: ServerResponse, run: () => void): void {
  if (res.closed) run();
  else res.once('close', run);
}
