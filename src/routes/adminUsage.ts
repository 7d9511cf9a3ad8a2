// GET /usage/:tenantId: what a tenant used, by day.
import type { UsagePeriod } from '../core/usage/usagePeriod.js';
import { forwarding } from '../http/forwarding.js';
import type { RouteTable } from '../http/handler.js';
import { periodOfQuery, tenantOfPath } from '../http/requestInput.js';
import { sendJson } from '../http/respond.js';

/** What the route needs. */
export interface AdminUsageParts {
  /** The body of the answer. Rejects with `tenant_not_found`. */
  readonly queryUsage: (tenantId: string, period: UsagePeriod | undefined) => Promise<object>;
}

export function mountAdminUsage(router: RouteTable, parts: AdminUsageParts): void {
  router.get(
    '/usage/:tenantId',
    forwarding(async (req, res) => {
      const tenantId = tenantOfPath(req.params.tenantId);
      sendJson(res, 200, await parts.queryUsage(tenantId, periodOfQuery(req)));
    }),
  );
}
