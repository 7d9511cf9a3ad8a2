// Tries an access log against plans: each request decided at its own time by the rule that decides in life, nothing written. The same
// log and plans give the same answer, whenever and wherever it is asked. What clients would have done after a 429 nobody knows: the
// log is taken as it is.
import type { TenantCalendar } from '../../core/time/calendar.js';
import { accessLogReader, type LogSelector } from '../../core/usage/accessLog.js';
import { BrokenLines } from '../../core/usage/brokenLines.js';
import type { Clock } from '../../ports/clock.js';
import { PlanTrial, type TrialCounters, type TriedPlan } from './planTrial.js';
import { type SimulationReport, simulationReport } from './simulationReport.js';
import { SimulationTally } from './simulationTally.js';
import { TimeOrder } from './timeOrder.js';

/** A log and what to try it against. */
export interface SimulationRequest<Log> {
  readonly log: Log;
  readonly tenantBy: LogSelector;
  /** Quotas have no users; a line whose user is no valid id is broken as it is for a replay with the same options. */
  readonly userBy?: LogSelector | undefined;
  readonly plans: readonly TriedPlan[];
  /** Every tenant's. */
  readonly calendar: TenantCalendar;
  readonly onProgress?: ((progress: SimulationProgress) => void) | undefined;
}

/** How far a simulation has come; `size` undefined where the log has none. */
export interface SimulationProgress {
  readonly lines: number;
  readonly bytesRead: number;
  readonly size: number | undefined;
}

/** How a log is read: every line to `visit`, as `bytes[start, end)` with its number. */
export interface LineWatcher {
  readonly visit: (bytes: Buffer, start: number, end: number, number: number) => void;
  /** Whether a last line without its line feed counts. */
  readonly isWhole: (bytes: Buffer) => boolean;
  readonly onProgress: (bytesRead: number, size: number | undefined) => void;
}

/** What a simulation needs. */
export interface SimulationParts<Log> {
  /** Reads the log to its end; resolves with whether its last line is not whole. */
  readonly readLines: (log: Log, watcher: LineWatcher) => Promise<boolean>;
  /** Empty counters that follow `clock`: one set for each plan. */
  readonly counters: (clock: Clock) => TrialCounters;
}

/**
 * Decides every request of the log under every plan.
 * @throws TallygateError `replay_refused` where the log cannot be read to its end
 */
export async function simulateLog<Log>(
  parts: SimulationParts<Log>,
  request: SimulationRequest<Log>,
): Promise<SimulationReport> {
  const tally = new SimulationTally(request.plans.map((plan) => new PlanTrial(plan, request.calendar, parts.counters)));
  const order = new TimeOrder(tally.take);
  const broken = new BrokenLines();
  const readLine = accessLogReader(request.tenantBy, request.userBy);
  let requests = 0;
  let withoutTenant = 0;
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = Number.NEGATIVE_INFINITY;
  const linesRead = () => requests + withoutTenant + broken.count;
  const unfinishedLine = await parts.readLines(request.log, {
    visit: (bytes, start, end, number) => {
      const line = readLine(bytes, start, end);
      if (line.outcome === 'broken') broken.add(number, line.reason);
      else if (line.tenant === undefined) withoutTenant += 1;
      else {
        requests += 1;
        fromMs = Math.min(fromMs, line.instantMs);
        toMs = Math.max(toMs, line.instantMs);
        order.add(line.tenant, line.instantMs);
      }
    },
    isWhole: (bytes) => readLine(bytes, 0, bytes.length).outcome === 'counted',
    onProgress: (bytesRead, size) => request.onProgress?.({ lines: linesRead(), bytesRead, size }),
  });
  order.end();
  const span = requests === 0 ? { fromMs: undefined, toMs: undefined } : { fromMs, toMs };
  const log = { lines: linesRead(), requests, withoutTenant, broken: broken.count, brokenLines: broken.named };
  return simulationReport({ ...log, ...span, late: order.late, unfinishedLine }, tally);
}
