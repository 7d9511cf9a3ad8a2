// An installation as a command uses it: opened once, followed no further, closed at the end.
import type { InstallationFacts } from '../core/diagnosis.js';
import type { Decision } from '../core/quota/decision.js';
import { userHashOf } from '../core/usage/activeDays.js';
import { type LogReplayParts, type ReplayRequest, replayLog } from '../services/metering/logReplay.js';
import type { ReplaySummary } from '../services/metering/replayReport.js';
import type { Composition } from './compose.js';
import type { ReconcileRequest, ReconciliationSummary } from './reconciliation.js';

/** See the head of this file. */
export interface Installation
  extends Pick<Composition, 'usageService' | 'closedPeriods' | 'quotaService' | 'migrationStatus' | 'upkeep'> {
  /** Waits for the counter store, which no other command needs. */
  readonly admission: { look(tenantId: string): Promise<Decision> };
  /** Opens it; fails at once where something is away. */
  ready(): Promise<void>;
  replayLog(request: ReplayRequest): Promise<ReplaySummary>;
  /** `applied` names what this call applied, in order. */
  migrate(): Promise<{ readonly applied: readonly string[] }>;
  /** Forgets a user; resolves to the months in which it was active. */
  eraseUser(tenantId: string, userId: string): Promise<number>;
  /** What `tallygate doctor` judges; opens nothing that it does not need. */
  examine(): Promise<InstallationFacts>;
  /** What `tallygate reconcile` finds. */
  reconcile(request: ReconcileRequest): Promise<ReconciliationSummary>;
  close(): Promise<void>;
}

/** Longest wait at the end of a command: it has flushed what it booked already. */
const CLOSE_DEADLINE_MS = 5_000;

export function installationOf(
  composition: Composition,
  asked: Pick<Installation, 'examine' | 'reconcile'>,
): Installation {
  const { usageService, closedPeriods, quotaService, admission, ledger, upkeep } = composition;
  const parts: LogReplayParts = { ledger, calendarOf: (tenantId) => quotaService.quotaOf(tenantId).calendar };
  return {
    usageService,
    closedPeriods,
    quotaService,
    upkeep,
    eraseUser: async (tenantId, userId) => {
      const { hashKey } = await ledger.identity();
      return upkeep.eraseUser(tenantId, userHashOf(hashKey, tenantId, userId));
    },
    ...asked,
    admission: {
      look: async (tenantId) => {
        await composition.countersReady();
        return admission.look(tenantId);
      },
    },
    migrationStatus: () => composition.migrationStatus(),
    ready: () => composition.startOnce(),
    replayLog: (request) => replayLog(parts, request),
    migrate: async () => ({ applied: (await composition.migrate()).appliedNow }),
    close: async () => void (await composition.close(CLOSE_DEADLINE_MS)),
  };
}
