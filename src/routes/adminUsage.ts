// GET /usage/:tenantId: what a tenant used, by day.
import { isStorageFigure, STORAGE_FIGURES, type StorageFigure } from '../core/usage/reportedStorage.js';
import type { UsagePeriod } from '../core/usage/usagePeriod.js';
import { invalidRequest } from '../http/faults.js';
import { forwarding } from '../http/forwarding.js';
import type { MatchedRequest, RouteTable } from '../http/handler.js';
import { periodOfQuery, queryOf, shown, tenantOfPath } from '../http/requestInput.js';
import { sendJson } from '../http/respond.js';

/** What the route needs. */
export interface AdminUsageParts {
  /** The body of the answer. Rejects with `tenant_not_found`. */
  readonly queryUsage: (tenantId: string, period: UsagePeriod | undefined, storage: StorageFigure) => Promise<object>;
}

export function mountAdminUsage(router: RouteTable, parts: AdminUsageParts): void {
  router.get(
    '/usage/:tenantId',
    forwarding(async (req, res) => {
      const tenantId = tenantOfPath(req.params.tenantId);
      sendJson(res, 200, await parts.queryUsage(tenantId, periodOfQuery(req), storageOfQuery(req)));
    }),
  );
}

/** `?storage=` of a request: what `storageBytes` is. */
function storageOfQuery(req: MatchedRequest): StorageFigure {
  const [named = 'average', ...others] = queryOf(req).getAll('storage');
  if (others.length === 0 && isStorageFigure(named)) return named;
  const got = others.length === 0 ? shown(named) : `${others.length + 1} values`;
  const message = `expected one of ${STORAGE_FIGURES.join(', ')}, got ${got}`;
  throw invalidRequest([{ location: 'query.storage', message }]);
}
