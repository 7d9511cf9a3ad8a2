// What the admin routes need of an installation, for an app's own router and for the server.
import { hostname } from 'node:os';
import type { Config } from '../config.js';
import { systemClock } from '../ports/clock.js';
import type { AdminRoutesParts } from '../routes/adminRoutes.js';
import type { DenialLog } from '../telemetry/denialLog.js';
import type { Composition } from './compose.js';
import type { Log } from './log.js';
import { requestFailureLog } from './requestFailures.js';

/** See the head of this file. `onError` logs what the app's client is not told. */
export function adminParts(
  composition: Composition,
  denials: Pick<DenialLog, 'read'>,
  config: Pick<Config, 'plans' | 'defaultPlan'>,
  log: Log,
): AdminRoutesParts {
  const { admission, quotaService, usageRecorder, usageService } = composition;
  return {
    quotas: quotaService,
    heldQuotaOf: composition.heldQuotaOf,
    resolvedPlanOf: composition.resolvedPlanOf,
    look: (tenantId) => admission.look(tenantId),
    hasUsage: (tenantId) => usageService.hasUsage(tenantId),
    adjustments: composition.adjustments,
    closedPeriods: composition.closedPeriods,
    queryUsage: (tenantId, period, storage) => usageService.query(tenantId, period, storage),
    recordStorage: (tenantId, bytes, atMs) => usageRecorder.recordStorage(tenantId, bytes, atMs),
    addStorage: (tenantId, change) => composition.storageChanges.add(tenantId, change),
    nowMs: systemClock.wallMs,
    readDenials: (query) => denials.read(query),
    process: { host: hostname(), pid: process.pid, since: new Date(systemClock.wallMs() - process.uptime() * 1_000) },
    plans: config.plans,
    defaultPlan: config.defaultPlan,
    onError: requestFailureLog(systemClock, log),
  };
}
