// POST /usage/:tenantId/periods/:month/close: keeps a month as it is reported now. GET /usage/:tenantId/periods/:month: that, and
// what has arrived since.
import { locatedBelow } from '../http/faults.js';
import { forwarding } from '../http/forwarding.js';
import type { MatchedRequest, RouteTable } from '../http/handler.js';
import { queryOf, tenantOfPath } from '../http/requestInput.js';
import { sendJson } from '../http/respond.js';

/** Who closes, and whether also a month that is not complete. */
interface Closing {
  readonly author: string;
  readonly incomplete: boolean;
}

/** What the routes need. Both reject with `invalid_request`, located at `month`, and `tenant_not_found`; closing also with `period_incomplete`. */
export interface AdminPeriodsParts {
  readonly closedPeriods: {
    close(tenantId: string, month: string, closing: Closing): Promise<object>;
    read(tenantId: string, month: string): Promise<object>;
  };
}

/** Who closes, as long as there is one token and it has no name. */
const AUTHOR = 'admin';

export function mountAdminPeriods(router: RouteTable, { closedPeriods }: AdminPeriodsParts): void {
  const path = '/usage/:tenantId/periods/:month';
  router.post(
    `${path}/close`,
    forwarding(async (req, res) =>
      sendJson(res, 200, await located(closedPeriods.close(tenantOf(req), monthOf(req), closingOf(req)))),
    ),
  );
  router.get(
    path,
    forwarding(async (req, res) => sendJson(res, 200, await located(closedPeriods.read(tenantOf(req), monthOf(req))))),
  );
}

const tenantOf = (req: MatchedRequest): string => tenantOfPath(req.params.tenantId);
/** `?incomplete=true`, as the command line has it. */
const closingOf = (req: MatchedRequest): Closing => ({
  author: AUTHOR,
  incomplete: queryOf(req).get('incomplete') === 'true',
});
const monthOf = (req: MatchedRequest): string => String(req.params.month);

async function located(answer: Promise<object>): Promise<object> {
  try {
    return await answer;
  } catch (error) {
    throw locatedBelow('path', error);
  }
}
