// A simulation as a command runs it: the log is read as a replay reads it, and counters in this process decide. No store is opened.
import type { Readable } from 'node:stream';
import { visitLogLines } from '../services/metering/logLines.js';
import {
  type SimulationRequest as RequestOf,
  type SimulationParts,
  simulateLog,
} from '../services/simulation/simulateLog.js';
import type { SimulationReport } from '../services/simulation/simulationReport.js';
import { memoryCounterStore } from '../stores/memory/memoryCounterStore.js';

export type { SimulationReport, TenantFinding, TrialFinding } from '../services/simulation/simulationReport.js';

/** A log: a path, or `-` for `stdin`. */
interface Log {
  readonly file: string;
  readonly stdin: Readable;
}

export type SimulationRequest = RequestOf<Log>;

/**
 * Tenants that count at a time, under each plan: 300 MB are not reached. Above the first, those whose windows have ended are
 * forgotten, which changes nothing.
 */
const BOUNDS = { maxTenants: 30_000, maxLiveTenants: 40_000 };

const parts: SimulationParts<Log> = {
  readLines: (log, watcher) => visitLogLines({ ...log, ...watcher }),
  counters: (clock) => memoryCounterStore(clock, BOUNDS),
};

/** Tries a log against plans. Throws as `simulateLog`. */
export const simulate = (request: SimulationRequest): Promise<SimulationReport> => simulateLog(parts, request);
