// POST /v1/consume: decide and meter in one call, for apps in any language.
import { z } from 'zod';
import type { Meters } from '../core/meter.js';
import type { RequestCost } from '../core/quota/cost.js';
import { meterFault, type ReadCost, readCost } from '../core/quota/readCost.js';
import { type Admit, type Decision, limitBodies } from '../http/admit.js';
import { readCostBody } from '../http/costBody.js';
import type { Fault } from '../http/faults.js';
import { forwarding } from '../http/forwarding.js';
import type { Endpoint } from '../http/handler.js';
import { idempotencyKeyOf } from '../http/idempotencyKey.js';
import { readJsonBody } from '../http/jsonBody.js';
import { requestIdOf } from '../http/requestId.js';
import { shown, tenantFault, userFault, wholeFault } from '../http/requestInput.js';
import { sendJson, sendProblem, setHeaders } from '../http/respond.js';
import { fieldCheck } from '../http/shapeFaults.js';
import type { Asked } from '../services/admission/attempt.js';
import { keyedConsumption } from '../services/usage/keyedCalls.js';

/** What the route needs. */
export interface ConsumeParts {
  readonly decide: (tenantId: string, cost: number, asked?: Asked) => Decision | Promise<Decision>;
  readonly recordCall: (tenantId: string, usageDate: string, userId: string | undefined) => void;
  /** Of a request under a key, whose call is booked with the decision. */
  readonly recordUser: (tenantId: string, usageDate: string, userId: string) => void;
  readonly admit: Admit;
  readonly meters: Meters;
}

const CONSUMPTION = z.strictObject({
  tenant: z.custom<string>(...fieldCheck(tenantFault)),
  cost: z.unknown().optional(),
  user: z.custom<string>(...fieldCheck(userFault)).optional(),
  meter: z.unknown().optional(),
});

/**
 * Makes the handler. `cost` (1 unless told) charges the quota: own units, amounts by meter, or an amount of the one `meter` that is
 * named. One API call is metered where the request is allowed. With an `Idempotency-Key` the same request again is answered by its
 * admission, and counts once; another one under the key is a 422.
 */
export function consume(parts: ConsumeParts): Endpoint {
  return forwarding(async (req, res) => {
    const { tenant, user, ...asked } = consumptionOf(await readJsonBody(req), parts.meters);
    const key = idempotencyKeyOf(req);
    const keyed = key === undefined ? undefined : keyedConsumption(key, { ...asked, userId: user, apiCalls: 1 });
    const decision = await parts.decide(tenant, asked.cost, { meterCosts: asked.meterCosts, keyed });
    if (decision.allowed) record(parts, decision, user);
    const { headers, problem } = parts.admit(decision, () => requestIdOf(req));
    setHeaders(res, headers);
    if (problem !== undefined) sendProblem(res, problem);
    else sendJson(res, 200, { allowed: true, tenantId: tenant, limits: limitBodies(decision) });
  });
}

function record(parts: ConsumeParts, { tenantId, label, keyed }: Decision, user: string | undefined): void {
  if (keyed === undefined) parts.recordCall(tenantId, label.usageDate, user);
  else if (user !== undefined) parts.recordUser(tenantId, label.usageDate, user);
}

interface Consumption extends RequestCost {
  readonly tenant: string;
  readonly user?: string | undefined;
}

function consumptionOf(body: unknown, meters: Meters): Consumption {
  const { fields, asked } = readCostBody(CONSUMPTION, body, ({ cost = 1, meter }) =>
    meter === undefined ? readCost(cost, meters, 'body.cost') : costOf(meter, cost, meters),
  );
  return { tenant: fields.tenant, user: fields.user, ...asked };
}

/** An amount of one meter. */
function costOf(meter: unknown, units: unknown, meters: Meters): ReadCost {
  const faults: Fault[] = [];
  const fault = typeof meter === 'string' ? meterFault(meter, meters) : `expected a text, got ${shown(meter)}`;
  if (fault !== undefined) faults.push({ location: 'body.meter', message: fault });
  const amount = wholeFault(units);
  if (amount !== undefined) faults.push({ location: 'body.cost', message: amount });
  const meterCosts = units === 0 ? [] : [{ meter: String(meter), units: Number(units) }];
  return { cost: 0, meterCosts, faults };
}
