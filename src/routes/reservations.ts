// POST /v1/reserve, POST /v1/reservations/:id/commit and DELETE /v1/reservations/:id: a cost that is known only afterwards.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Meters } from '../core/meter.js';
import type { RequestCost } from '../core/quota/cost.js';
import { readCost, readEstimate } from '../core/quota/readCost.js';
import { type Admit, limitBodies } from '../http/admit.js';
import { readCostBody } from '../http/costBody.js';
import { forwarding } from '../http/forwarding.js';
import type { Endpoint, MatchedRequest } from '../http/handler.js';
import { idempotencyKeyOf } from '../http/idempotencyKey.js';
import { readJsonBody } from '../http/jsonBody.js';
import type { ProblemCode } from '../http/problem.js';
import { requestIdOf } from '../http/requestId.js';
import { tenantFault, wholeWithinFault } from '../http/requestInput.js';
import { refuse, sendJson, sendProblem, setHeaders } from '../http/respond.js';
import { fieldCheck } from '../http/shapeFaults.js';
import {
  DEFAULT_RESERVATION_SECONDS,
  MAX_RESERVATION_SECONDS,
  type ReservationOutcome,
  type Reservations,
} from '../services/admission/reservations.js';
import { keyedReservation } from '../services/usage/keyedCalls.js';

/** What the routes need. */
export interface ReservationsRouteParts {
  readonly reservations: Pick<Reservations, 'reserve' | 'commit' | 'release'>;
  readonly recordCall: (tenantId: string, usageDate: string, userId: undefined) => void;
  readonly admit: Admit;
  readonly meters: Meters;
}

/** The three endpoints. */
export interface ReservationEndpoints {
  readonly reserve: Endpoint;
  readonly commit: Endpoint;
  readonly release: Endpoint;
}

const ESTIMATE = z.strictObject({
  tenant: z.custom<string>(...fieldCheck(tenantFault)),
  estimate: z.unknown().optional(),
  ttlSeconds: z.custom<number>(...fieldCheck(wholeWithinFault(1, MAX_RESERVATION_SECONDS))).optional(),
});

const ACTUAL = z.strictObject({ actual: z.unknown().optional() });

/** Outcomes that are a client's to know of as a problem. The others are a 200. */
const PROBLEMS: Partial<Readonly<Record<ReservationOutcome, ProblemCode>>> = {
  expired: 'reservation_expired',
  unknown: 'reservation_expired',
  other_amount: 'reservation_other_amount',
  already_released: 'reservation_released',
  already_committed: 'reservation_committed',
};

/** Makes the endpoints. `reserve` meters one API call where it is allowed; what the work cost is metered by the commit. */
export function reservationEndpoints(parts: ReservationsRouteParts): ReservationEndpoints {
  return {
    reserve: forwarding((req, res) => reserve(parts, req, res)),
    commit: forwarding(async (req, res) => {
      const actual = actualOf(await readJsonBody(req), parts.meters);
      const id = idOf(req);
      const outcome = await parts.reservations.commit(id, actual);
      answer(req, res, outcome, { id, status: 'committed', actual });
    }),
    release: forwarding(async (req, res) => {
      const id = idOf(req);
      const outcome = await parts.reservations.release(id);
      // A release that nobody confirmed may not have happened: asking again is safe, so the client is told to.
      if (outcome === 'unconfirmed') return refuse(req, res, 'counter_store_unavailable');
      answer(req, res, outcome, { id, status: 'released' });
    }),
  };
}

async function reserve(parts: ReservationsRouteParts, req: MatchedRequest, res: ServerResponse): Promise<void> {
  const body = await readJsonBody(req);
  const { tenant, estimate, ttlSeconds = DEFAULT_RESERVATION_SECONDS } = estimateOf(body, parts.meters);
  const key = idempotencyKeyOf(req);
  const asked = { ...estimate, seconds: ttlSeconds, apiCalls: 1 };
  const keyed = key === undefined ? undefined : keyedReservation(key, asked);
  const { decision, id, expiresAtMs } = await parts.reservations.reserve(tenant, estimate, ttlSeconds, keyed);
  // Under a key its call is booked with the decision.
  if (decision.allowed && decision.keyed === undefined) parts.recordCall(tenant, decision.label.usageDate, undefined);
  const { headers, problem } = parts.admit(decision, () => requestIdOf(req));
  setHeaders(res, headers);
  if (problem !== undefined) return sendProblem(res, problem);
  sendJson(res, 201, { id, expiresAt: new Date(expiresAtMs).toISOString(), limits: limitBodies(decision) });
}

function answer(req: IncomingMessage, res: ServerResponse, outcome: ReservationOutcome, body: object): void {
  const code = PROBLEMS[outcome];
  if (code !== undefined) refuse(req, res, code);
  // Metered, but the counters keep the estimate until their windows end: the client may want to know.
  else sendJson(res, 200, outcome === 'unconfirmed' ? { ...body, status: 'unconfirmed' } : body);
}

const idOf = (req: MatchedRequest): string => String(req.params.id);

function estimateOf(
  body: unknown,
  meters: Meters,
): { tenant: string; estimate: RequestCost; ttlSeconds?: number | undefined } {
  const { fields, asked } = readCostBody(ESTIMATE, body, (given) =>
    readEstimate(given.estimate, meters, 'body.estimate'),
  );
  return { ...fields, estimate: asked };
}

const actualOf = (body: unknown, meters: Meters): RequestCost =>
  readCostBody(ACTUAL, body, (given) => readCost(given.actual, meters, 'body.actual')).asked;
