// Whose request it is: the tenant and the user, from what an app put on the request or from a header that a gateway sets.
import type { IncomingMessage } from 'node:http';
import type { Decision } from '../core/quota/decision.js';
import { type ResolvedId, resolveId, tenantIdFault, userIdFault } from '../core/tenantId.js';
import { atOnce } from './atOnce.js';
import { headerValues } from './headerValues.js';

declare global {
  // Merges with Express's own declaration where its types are installed, and stands alone where they are not.
  namespace Express {
    interface Request {
      /** Set by `tenantQuota` once it decided about the request. */
      tallygate?: RequestState;
    }
  }
}

/** What `tenantQuota` leaves on a request, as `req.tallygate`. */
export interface RequestState {
  /** The last decision made about the request. */
  readonly decision: Decision;
}

/** A request as resolvers see it: Node's, with whatever the app declared for Express. */
export type ResolvableRequest = IncomingMessage & Express.Request;

/** A function of a request. Written as a method's type, so that one that takes an app's own request type fits too. */
export type OfRequest<Result> = { of(req: ResolvableRequest): Result }['of'];

/** Where tenant and user of a request come from. */
export interface TenantRules {
  /**
   * The tenant, at once (no promise): `undefined` and `null` are none, a safe integer or bigint becomes its decimal text.
   * @defaultValue `req.tenant?.id ?? req.tenantId ?? req.user?.tenantId`
   */
  readonly resolveTenant?: OfRequest<unknown> | undefined;
  /**
   * The user, counted once a day and period; read as the tenant is.
   * @defaultValue `req.user?.id ?? req.userId`
   */
  readonly resolveUser?: OfRequest<unknown> | undefined;
  /** A header to trust for the tenant instead, in small letters: only behind a gateway that strips it from what clients send. */
  readonly tenantHeader?: string | undefined;
}

/** Resolves one id of a request. A fault says where it stood. */
export type IdOf = (req: IncomingMessage) => ResolvedId & { readonly location?: string };

export interface Resolvers {
  readonly tenantOf: IdOf;
  readonly userOf: IdOf;
}

/** Prepares the resolvers once, outside any request. */
export function createResolvers(rules: TenantRules): Resolvers {
  const { tenantHeader } = rules;
  const tenantOf =
    rules.resolveTenant === undefined && tenantHeader !== undefined
      ? (req: IncomingMessage) => idOfHeader(req, tenantHeader)
      : resolver('tenant', rules.resolveTenant ?? defaultTenant, tenantIdFault);
  return { tenantOf, userOf: resolver('user', rules.resolveUser ?? defaultUser, userIdFault) };
}

interface DecoratedRequest extends IncomingMessage {
  tenant?: { id?: unknown } | null;
  tenantId?: unknown;
  user?: { id?: unknown; tenantId?: unknown } | null;
  userId?: unknown;
}

const defaultTenant = (req: DecoratedRequest): unknown => req.tenant?.id ?? req.tenantId ?? req.user?.tenantId;
const defaultUser = (req: DecoratedRequest): unknown => req.user?.id ?? req.userId;

function resolver(
  location: 'tenant' | 'user',
  resolve: (req: ResolvableRequest) => unknown,
  faultOf: (text: string) => string | undefined,
): IdOf {
  return (req) => {
    const resolved = resolveId(atOnce(resolve(req), `The ${location}`), faultOf);
    return resolved.kind === 'fault' ? { ...resolved, location } : resolved;
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Two values, also in two lines of the same name, may be the client's beside the gateway's: neither is trusted. */
function idOfHeader(req: IncomingMessage, header: string): ReturnType<IdOf> {
  const location = `header.${header}`;
  const values = headerValues(req, header);
  if (values.length > 1) return { kind: 'fault', fault: `expected one value, got ${values.length}`, location };
  const text = values[0] === undefined ? undefined : decoded(values[0]);
  if (text === null) return { kind: 'fault', fault: 'expected UTF-8', location };
  const resolved = resolveId(text, tenantIdFault);
  return resolved.kind === 'fault' ? { ...resolved, location } : resolved;
}

/** Node reads header bytes as Latin-1; as UTF-8 they name the same tenant as the same text in a path. Null: no UTF-8. */
function decoded(value: string): string | null {
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  try {
    return utf8.decode(Buffer.from(value, 'latin1'));
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
