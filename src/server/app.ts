// The server's routes: who may come in, in which order a request is checked, and what is answered where no route is.
import express, { type ErrorRequestHandler, type Express } from 'express';
import helmet, { type HelmetOptions } from 'helmet';
import { authenticated } from '../auth/authenticate.js';
import { bearerAuth, gatewayAuth } from '../auth/bearerAuth.js';
import { invalidRequest, type TallygateError } from '../http/faults.js';
import type { Handler } from '../http/handler.js';
import { problem, problemOf } from '../http/problem.js';
import { requestIdOf } from '../http/requestId.js';
import { refuse, sendJson, sendProblem } from '../http/respond.js';
import { type AdminRoutesParts, createAdminRoutes } from '../routes/adminRoutes.js';
import { type AuthorizeParts, authorize } from '../routes/authorize.js';
import { type ConsumeParts, consume } from '../routes/consume.js';
import { type EventsParts, events } from '../routes/events.js';
import { type ReservationsRouteParts, reservationEndpoints } from '../routes/reservations.js';

/** What the routes stand on. */
export interface AppParts {
  readonly consume: ConsumeParts;
  readonly reservations: ReservationsRouteParts;
  readonly authorize: AuthorizeParts;
  readonly events: EventsParts;
  readonly admin: Omit<AdminRoutesParts, 'onError'>;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly readiness: () => {
    readonly ready: boolean;
    /** What hinders the start, for a person. */
    readonly waitingFor: string | undefined;
    /** What does not answer now, by name. */
    readonly degraded: readonly string[];
  };
}

/** What the app is told besides. */
export interface AppSettings {
  readonly adminToken: string;
  readonly metricsPublic: boolean;
  /** Holds requests back until the server is ready. */
  readonly untilReady: Handler;
  /** Told of each error that is answered by a status from 500 on. */
  readonly onError: (error: unknown, requestId: string) => void;
}

export function createApp(parts: AppParts, settings: AppSettings): Express {
  const { untilReady, onError } = settings;
  const authenticate = bearerAuth(settings.adminToken);
  const guard = authenticated(authenticate);
  const authorizing = authorize(parts.authorize);
  const authorized: Handler = (req, res, next) => authorizing(Object.assign(req, { params: {} }), res, next);
  const app = express();
  app.disable('x-powered-by');
  app.enable('case sensitive routing');
  app.use((req, res, next) => {
    res.setHeader('X-Request-Id', requestIdOf(req));
    next();
  });
  app.use(helmet(FOR_PLAIN_HTTP));

  app.get('/livez', (_req, res) => sendJson(res, 200, { status: 'alive' }));
  app.get('/readyz', readyz(parts.readiness));
  app.get('/metrics', ...(settings.metricsPublic ? [] : [guard]), async (_req, res) => {
    const text = await parts.metrics.text();
    res.setHeader('Content-Type', parts.metrics.contentType);
    res.end(text);
  });
  app.get('/', (_req, res) => sendJson(res, 200, WELCOME));

  // Authentication first, so that nobody without a token can make requests pile up at the gate. The gateway's question not by
  // `all`: its path may hold anything, and a pattern with a parameter would decode it.
  app.use('/v1/authorize', authenticated(gatewayAuth(settings.adminToken)), untilReady, authorized);
  app.use(['/v1', '/api/admin'], guard, untilReady);
  app.post('/v1/consume', consume(parts.consume));
  const { reserve, commit, release } = reservationEndpoints(parts.reservations);
  app.post('/v1/reserve', reserve);
  app.post('/v1/reservations/:id/commit', commit);
  app.delete('/v1/reservations/:id', release);
  app.post('/v1/events', events(parts.events));
  app.use('/api/admin', createAdminRoutes({ ...parts.admin, onError }, { authenticate }));

  app.use((req, res) => refuse(req, res, 'not_found', `There is no ${req.method} ${req.path.slice(0, 200)} here.`));
  app.use(failed(onError));
  return app;
}

/**
 * This server speaks plain HTTP, TLS ends before it. Whether a whole domain may never be reached by HTTP again is not for one
 * service on it to say, and on HTTP `upgrade-insecure-requests` would send a page for its own parts to where nobody listens.
 */
const FOR_PLAIN_HTTP = {
  strictTransportSecurity: false,
  contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } },
} satisfies HelmetOptions;

const WELCOME = {
  name: 'tallygate',
  what: 'Usage metering and quotas for each tenant of a SaaS.',
  routes: {
    consume: 'POST /v1/consume',
    reserve: ['POST /v1/reserve', 'POST /v1/reservations/:id/commit', 'DELETE /v1/reservations/:id'],
    authorize: 'ANY /v1/authorize, for gateways',
    events: 'POST /v1/events, CloudEvents 1.0',
    usage: 'GET /api/admin/usage/:tenantId?from&to',
    storage: 'POST /api/admin/usage/:tenantId/storage',
    adjustments: 'GET, POST /api/admin/usage/:tenantId/adjustments',
    periods: ['GET /api/admin/usage/:tenantId/periods/:month', 'POST /api/admin/usage/:tenantId/periods/:month/close'],
    quotas: 'GET, PUT, PATCH, DELETE /api/admin/quotas/:tenantId',
    reset: 'POST /api/admin/quotas/:tenantId/reset',
    denials: 'GET /api/admin/denials?tenant&limit',
    health: ['GET /livez', 'GET /readyz', 'GET /metrics'],
  },
  authentication: 'Authorization: Bearer <admin token> on /v1/*, /api/admin/* and /metrics',
};

/** A later loss of the ledger is no reason to take traffic away: quotas go on, and usage waits to be flushed. */
function readyz(readiness: AppParts['readiness']): Handler {
  return (req, res) => {
    const { ready, waitingFor, degraded } = readiness();
    if (ready) return sendJson(res, 200, { status: degraded.length === 0 ? 'ready' : 'degraded', degraded });
    // A store's own message may be whole sentences.
    const detail = `Waiting for ${waitingFor ?? 'the stores'}`.replace(/\.?$/, '.');
    sendProblem(res, problem('not_ready', { requestId: requestIdOf(req), detail }));
  };
}

function failed(onError: AppSettings['onError']): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error, req, res, _next) => {
    const body = problemOf(isUndecodablePath(error) ? undecodable() : error, requestIdOf(req));
    if (body.status >= 500) onError(error, body.requestId);
    sendProblem(res, body);
  };
}

/** Express reports bad percent-encoding as an error with status 400. Under /api/admin its router says which tenant's. */
const isUndecodablePath = (error: unknown): boolean =>
  error instanceof URIError && 'status' in error && error.status === 400;

const undecodable = (): TallygateError =>
  invalidRequest([{ location: 'path.id', message: 'expected percent-encoded UTF-8' }]);
