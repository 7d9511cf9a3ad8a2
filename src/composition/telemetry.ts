// Who listens to an installation: metrics, the log of denials, an app's listeners, OpenTelemetry where it is there. One observer
// tells them all.
import { systemClock } from '../ports/clock.js';
import type { Observer, OverAdmission } from '../ports/observer.js';
import { createDenialLog, type DenialLog } from '../telemetry/denialLog.js';
import { createEvents, type Events } from '../telemetry/events.js';
import { fanOut } from '../telemetry/fanOut.js';
import { createMetrics, type Metrics } from '../telemetry/metrics.js';
import { type OpenTelemetryApi, openTelemetryApi } from '../telemetry/openTelemetry.js';
import { openTelemetryMetrics } from '../telemetry/openTelemetryMetrics.js';
import { type Decide, tracedDecide } from '../telemetry/tracing.js';
import type { Log } from './log.js';
import { outageNotice } from './outageNotice.js';

/** See the head of this file. */
export interface Telemetry {
  readonly observer: Observer;
  readonly metrics: Metrics;
  readonly denials: DenialLog;
  readonly events: Events;
  /** The same decisions, each in a span where OpenTelemetry records one. */
  readonly traced: <Rest extends unknown[]>(decide: Decide<Rest>) => Decide<Rest>;
}

/** Makes the listeners of one installation. */
export function createTelemetry(
  config: { readonly metricsTenantLabels: boolean },
  log: Log,
  api: OpenTelemetryApi | undefined = openTelemetryApi(),
): Telemetry {
  const metrics = createMetrics({ tenantLabels: config.metricsTenantLabels });
  const denials = createDenialLog();
  const events = createEvents(eventFaults(log));
  const otel = api === undefined ? {} : openTelemetryMetrics(api);
  return {
    observer: fanOut(metrics.observer, denials.observer, events.observer, otel, outageLog(log)),
    metrics,
    denials,
    events,
    traced: api === undefined ? (decide) => decide : (decide) => tracedDecide(decide, api),
  };
}

/** Begin and end of each outage; a store that comes and goes is told now and then. */
function outageLog(log: Log): Pick<Observer, 'storeDown' | 'storeUp' | 'overAdmitted'> {
  const tellDown = outageNotice(
    systemClock,
    () => 'down',
    (reason: string) => log.warn({ reason }, 'The counter store is down: the outage policy decides.'),
  );
  const tellUp = outageNotice(
    systemClock,
    () => 'up',
    (downMs: number, outages) =>
      log.info({ downMs: Math.round(downMs), moreOutages: outages }, 'The counter store answers again.'),
  );
  const tellOver = outageNotice(
    systemClock,
    ({ tenantId }: OverAdmission) => tenantId,
    (over, leftOut) =>
      log.warn({ ...over, leftOut }, 'While the counter store was down a tenant got more than its limit.'),
  );
  return { storeDown: tellDown, storeUp: tellUp, overAdmitted: tellOver };
}

/** A listener that fails fails with every event: said now and then. */
function eventFaults(log: Log): Parameters<typeof createEvents>[0] {
  const tellFailure = outageNotice(
    systemClock,
    ({ event }: { readonly event: string; readonly err: unknown }) => event,
    (told) => log.error(told, 'A listener of this event failed.'),
  );
  const tellDropped = outageNotice(
    systemClock,
    () => 'dropped',
    (events: number) =>
      log.warn({ events }, 'More events came in one turn than are kept for listeners: these were dropped.'),
  );
  return { onListenerFailure: (event, err) => tellFailure({ event, err }), onDropped: tellDropped };
}
