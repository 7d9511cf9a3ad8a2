// GET /denials: why was this a 429? The last refusals of the process that answers, which no store knows of.
import { invalidRequest } from '../http/faults.js';
import { forwarding } from '../http/forwarding.js';
import type { MatchedRequest, RouteTable } from '../http/handler.js';
import { queryOf, shown, tenantFault } from '../http/requestInput.js';
import { sendJson } from '../http/respond.js';

/** Refusals that say the same, as the process remembers them. Instants are milliseconds since 1970. */
export interface RememberedDenial {
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly times: number;
  readonly tenantId: string;
  readonly cost: number;
  readonly outcome: string;
  readonly enforced: boolean;
  readonly limits: readonly {
    readonly name: string;
    readonly limit: number;
    readonly used: number | undefined;
    readonly startMs: number | undefined;
    readonly resetAtMs: number | undefined;
  }[];
  readonly label: { readonly usageDate: string; readonly resetNumber: number };
  readonly settingsVersion: number;
}

/** What the route needs. */
export interface AdminDenialsParts {
  /** The newest first; `tenantId` undefined: of all tenants. */
  readonly readDenials: (query: { tenantId: string | undefined; most: number }) => readonly RememberedDenial[];
  /** Which process answers: behind a balancer the next request may reach another, with a log of its own. */
  readonly process: { readonly host: string; readonly pid: number; readonly since: Date };
}

const MOST = 1_000;
const UNLESS_TOLD = 100;

export function mountAdminDenials(router: RouteTable, { readDenials, process }: AdminDenialsParts): void {
  router.get(
    '/denials',
    forwarding(async (req, res) => {
      const denials = readDenials(denialQueryOf(req)).map(denialBody);
      sendJson(res, 200, { scope: 'process', process, denials });
    }),
  );
}

function denialQueryOf(req: MatchedRequest): { tenantId: string | undefined; most: number } {
  const query = queryOf(req);
  const [tenantId, limit] = [query.get('tenant') ?? undefined, query.get('limit') ?? String(UNLESS_TOLD)];
  const faults = [];
  const fault = tenantId === undefined ? undefined : tenantFault(tenantId);
  if (fault !== undefined) faults.push({ location: 'query.tenant', message: fault });
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST)
    faults.push({
      location: 'query.limit',
      message: `expected a whole number from 1 to ${MOST}, got ${shown(limit)}`,
    });
  if (faults.length > 0) throw invalidRequest(faults);
  return { tenantId, most: Number(limit) };
}

const isoOf = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());

/** `used`, `windowStart` and `resetAt` are null where the cost alone was above the limit: nothing was counted then. */
function denialBody({ firstAtMs, lastAtMs, limits, ...same }: RememberedDenial): object {
  return {
    at: isoOf(lastAtMs),
    firstAt: isoOf(firstAtMs),
    ...same,
    limits: limits.map(({ name, limit, used = null, startMs, resetAtMs }) => ({
      name,
      limit,
      used,
      windowStart: isoOf(startMs),
      resetAt: isoOf(resetAtMs),
    })),
  };
}
