// POST /usage/:tenantId/adjustments: a signed correction of one day. GET: the corrections of a period, with reasons and authors.
import { z } from 'zod';
import type { UsageDate } from '../core/time/calendar.js';
import type { UsagePeriod } from '../core/usage/usagePeriod.js';
import { invalidRequest, locatedBelow } from '../http/faults.js';
import { forwarding } from '../http/forwarding.js';
import type { RouteTable } from '../http/handler.js';
import { requiredIdempotencyKey } from '../http/idempotencyKey.js';
import { readJsonBody } from '../http/jsonBody.js';
import { periodOfQuery, tenantOfPath } from '../http/requestInput.js';
import { sendJson } from '../http/respond.js';
import { shapeFaults } from '../http/shapeFaults.js';

/** A correction as it was booked. */
interface Booked {
  readonly usageDate: UsageDate;
  readonly meter: string;
  readonly delta: number;
  readonly reason: string;
  readonly author: string;
  readonly adjustedAtMs: number;
}

/** What the routes need. */
export interface AdminAdjustmentsParts {
  readonly adjustments: {
    /** Rejects with `invalid_request`, located at the fields; `tenant_not_found`; `idempotency_conflict`. */
    adjust(
      tenantId: string,
      fields: z.infer<typeof ADJUSTMENT>,
      origin: { readonly idempotencyKey: string; readonly author: string },
    ): Promise<Booked>;
    list(tenantId: string, period: UsagePeriod): Promise<readonly Booked[]>;
  };
}

/** Who corrects, as long as there is one token and it has no name. */
const AUTHOR = 'admin';

/** The values are for the service to judge: it knows the tenant's date. */
const anything = z.unknown().optional();
const ADJUSTMENT = z.strictObject({ date: anything, meter: anything, delta: anything, reason: anything });

export function mountAdminAdjustments(router: RouteTable, { adjustments }: AdminAdjustmentsParts): void {
  const path = '/usage/:tenantId/adjustments';
  router.post(
    path,
    forwarding(async (req, res) => {
      const tenantId = tenantOfPath(req.params.tenantId);
      const idempotencyKey = requiredIdempotencyKey(req);
      const body = await readJsonBody(req);
      const read = ADJUSTMENT.safeParse(body);
      if (!read.success) throw invalidRequest(shapeFaults(read.error.issues, body));
      try {
        const booked = await adjustments.adjust(tenantId, read.data, { idempotencyKey, author: AUTHOR });
        sendJson(res, 200, bodyOf(tenantId, booked));
      } catch (error) {
        throw locatedBelow('body', error);
      }
    }),
  );
  router.get(
    path,
    forwarding(async (req, res) => {
      const tenantId = tenantOfPath(req.params.tenantId);
      const period = periodOfQuery(req);
      if (period === undefined)
        throw invalidRequest(['from', 'to'].map((end) => ({ location: `query.${end}`, message: 'expected a date' })));
      const listed = await adjustments.list(tenantId, period);
      sendJson(res, 200, { tenantId, period, adjustments: listed.map((one) => bodyOf(tenantId, one)) });
    }),
  );
}

/** The same for a repeat, to the last letter. */
const bodyOf = (tenantId: string, { usageDate, adjustedAtMs, ...booked }: Booked): object => ({
  tenantId,
  date: usageDate,
  ...booked,
  at: new Date(adjustedAtMs).toISOString(),
});
