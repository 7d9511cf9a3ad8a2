// The admin routes as one Express router, for an app of any path and for the server.
import type { NextFunction, Request, Response } from 'express';
import { type Authenticate, authenticated } from '../auth/authenticate.js';
import { invalidRequest, TallygateError } from '../http/faults.js';
import type { Handler } from '../http/handler.js';
import { type ProblemBody, problemOf } from '../http/problem.js';
import { requestIdOf } from '../http/requestId.js';
import { sendProblem } from '../http/respond.js';
import { type AdminAdjustmentsParts, mountAdminAdjustments } from './adminAdjustments.js';
import { type AdminDenialsParts, mountAdminDenials } from './adminDenials.js';
import { type AdminPeriodsParts, mountAdminPeriods } from './adminPeriods.js';
import { type AdminQuotasParts, mountAdminQuotas } from './adminQuotas.js';
import { type AdminStorageParts, mountAdminStorage } from './adminStorage.js';
import { type AdminUsageParts, mountAdminUsage } from './adminUsage.js';

/** What the routes need of the instance that they belong to. */
export interface AdminRoutesParts
  extends AdminUsageParts,
    AdminAdjustmentsParts,
    AdminPeriodsParts,
    AdminQuotasParts,
    AdminStorageParts,
    AdminDenialsParts {
  /** Told of each error that is answered by a status from 500 on: the answer itself says little. */
  readonly onError: (error: unknown, requestId: string) => void;
}

/** How the routes are guarded. */
export interface AdminRoutesOptions {
  /** Who may use them; see {@link Authenticate}. There is no default: who can reach these routes can change every quota. */
  readonly authenticate: Authenticate;
}

/**
 * Makes the router: `/usage/:tenantId` and below it `/storage`, `/adjustments`, `/periods/:month`; `/quotas/:tenantId`, `/denials`. Needs Express 4.18 or 5.
 * @throws TallygateError `invalid_configuration` without `authenticate`
 */
export function createAdminRoutes(parts: AdminRoutesParts, options: AdminRoutesOptions): Handler {
  const guard = authenticated(options?.authenticate);
  // Loaded when called, as the middlewares of this package serve apps without Express.
  const express = require('express') as typeof import('express');
  const router = express.Router({ caseSensitive: true });
  // First, so that nobody learns from an error message what a token would have been good for.
  router.use(guard);
  mountAdminUsage(router, parts);
  mountAdminStorage(router, parts);
  mountAdminAdjustments(router, parts);
  mountAdminPeriods(router, parts);
  mountAdminQuotas(router, parts);
  mountAdminDenials(router, parts);
  router.use((error: unknown, req: Request, res: Response, next: NextFunction) => {
    const problem = problemOfOurs(error, req);
    if (problem === undefined) return next(error);
    if (problem.status >= 500) parts.onError(error, problem.requestId);
    sendProblem(res, problem);
  });
  return (req, res, next) => router(req as Request, res as Response, next);
}

/** The problem of an error of ours; undefined for one of the app's. */
function problemOfOurs(error: unknown, req: Request): ProblemBody | undefined {
  const ours = isUndecodablePath(error) ? undecodable() : error;
  return ours instanceof TallygateError ? problemOf(ours, requestIdOf(req)) : undefined;
}

/** Express reports bad percent-encoding as an error with status 400. */
const isUndecodablePath = (error: unknown): boolean =>
  error instanceof URIError && 'status' in error && error.status === 400;

const undecodable = (): TallygateError =>
  invalidRequest([{ location: 'path.tenantId', message: 'expected percent-encoded UTF-8' }]);
