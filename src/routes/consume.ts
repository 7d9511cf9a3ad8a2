// POST /v1/consume: decide and meter in one call, for apps in any language.
import { z } from 'zod';
import { type Admit, type Decision, limitBodies } from '../http/admit.js';
import { invalidRequest, notSupported } from '../http/faults.js';
import { forwarding } from '../http/forwarding.js';
import type { Endpoint } from '../http/handler.js';
import { readJsonBody } from '../http/jsonBody.js';
import { requestIdOf } from '../http/requestId.js';
import { tenantFault, userFault, wholeFault } from '../http/requestInput.js';
import { sendJson, sendProblem, setHeaders } from '../http/respond.js';
import { fieldCheck, shapeFaults } from '../http/shapeFaults.js';

/** What the route needs. */
export interface ConsumeParts {
  readonly decide: (tenantId: string, cost: number) => Decision | Promise<Decision>;
  readonly recordCall: (tenantId: string, usageDate: string, userId: string | undefined) => void;
  readonly admit: Admit;
}

const CONSUMPTION = z.strictObject({
  tenant: z.custom<string>(...fieldCheck(tenantFault)),
  cost: z.custom<number>(...fieldCheck(wholeFault)).optional(),
  user: z.custom<string>(...fieldCheck(userFault)).optional(),
  /** Known, so that asking for it is answered by what it is: not there yet. */
  meter: z.unknown().optional(),
});

/** Makes the handler. `cost` (1 unless told) charges the quota; one API call is metered where the request is allowed. */
export function consume(parts: ConsumeParts): Endpoint {
  return forwarding(async (req, res) => {
    const { tenant, cost = 1, user } = consumptionOf(await readJsonBody(req), req.headers['idempotency-key']);
    const decision = await parts.decide(tenant, cost);
    if (decision.allowed) parts.recordCall(tenant, decision.label.usageDate, user);
    const { headers, problem } = parts.admit(decision, () => requestIdOf(req));
    setHeaders(res, headers);
    if (problem !== undefined) sendProblem(res, problem);
    else sendJson(res, 200, { allowed: true, tenantId: tenant, limits: limitBodies(decision) });
  });
}

function consumptionOf(body: unknown, idempotencyKey: unknown): Omit<z.infer<typeof CONSUMPTION>, 'meter'> {
  const read = CONSUMPTION.safeParse(body);
  if (!read.success) throw invalidRequest(shapeFaults(read.error.issues, body));
  if (read.data.meter !== undefined)
    throw notSupported('body.meter', 'own meters are not supported yet; leave it out to meter one API call');
  if (idempotencyKey !== undefined)
    throw notSupported(
      'header.idempotency-key',
      'not supported yet: leave it out, and do not repeat a request that may have been counted',
    );
  return read.data;
}
