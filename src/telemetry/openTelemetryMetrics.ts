// Metrics for OpenTelemetry: the same listener of the observer port as metrics.ts, on the app's meter provider. No attribute
// carries a tenant: spans do.
import type { Attributes, MeterProvider } from '@opentelemetry/api';
import type { Observer } from '../ports/observer.js';
import { type OpenTelemetryApi, SCOPE } from './openTelemetry.js';

/** In seconds; the SDK's own boundaries are made for milliseconds. */
const DURATION_BOUNDARIES = [0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

/** Listens, and records on whatever provider the app has registered by then. */
export function openTelemetryMetrics({ metrics }: OpenTelemetryApi): Partial<Observer> {
  let provider: MeterProvider | undefined;
  let instruments: Instruments | undefined;
  // Unlike the API's tracers, its instruments are no proxies: those made before the app registered its SDK stay silent for ever.
  function current(): Instruments {
    const registered = metrics.getMeterProvider();
    if (instruments === undefined || registered !== provider) {
      provider = registered;
      instruments = makeInstruments(registered);
    }
    return instruments;
  }
  return {
    decided: (outcome, seconds) => {
      const { decisions, decisionTime } = current();
      decisions.add(1, OUTCOMES[outcome]);
      decisionTime.record(seconds, OUTCOMES[outcome]);
    },
    decisionMade: ({ crossed, overage }) => {
      for (const { level } of crossed) current().thresholds.add(1, { level });
      if (overage > 0) current().overage.add(overage);
    },
    shadowDenied: (names) => {
      for (const limit of names) current().shadowDenials.add(1, { limit });
    },
    storeCalled: (outcome, seconds) => current().storeTime.record(seconds, CALLS[outcome]),
    storeDown: () => current().storeDown.add(1),
    storeUp: () => current().storeDown.add(-1),
    overAdmitted: ({ limit, units }) => current().overAdmitted.add(units, { limit }),
    reservation: (event) => current().reservations.add(1, { event }),
    leased: (event, units) => current().leases.add(units, { event }),
  };
}

type Instruments = ReturnType<typeof makeInstruments>;

function makeInstruments(provider: MeterProvider) {
  const meter = provider.getMeter(SCOPE);
  const duration = (name: string, description: string) =>
    meter.createHistogram(name, {
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: DURATION_BOUNDARIES },
    });
  const counter = (name: string, description: string, unit: string) => meter.createCounter(name, { description, unit });
  return {
    decisions: counter('tallygate.decisions', 'Decisions about requests, by their outcome.', '{decision}'),
    decisionTime: duration('tallygate.decision.duration', 'Time from a request to its decision.'),
    shadowDenials: counter('tallygate.shadow_denials', 'What shadow limits would have refused.', '{decision}'),
    thresholds: counter('tallygate.thresholds', 'Limits of tenants that reached a level.', '{crossing}'),
    overage: counter('tallygate.overage', 'Units that soft limits let pass above their number.', '{unit}'),
    overAdmitted: counter('tallygate.over_admitted', 'Units that an outage let pass above a limit.', '{unit}'),
    reservations: counter('tallygate.reservations', 'Reservations, by what became of them.', '{reservation}'),
    leases: counter('tallygate.leases', 'Units of leases, by what became of them.', '{unit}'),
    storeTime: duration('tallygate.counter_store.call.duration', 'Time of a call of the counter store.'),
    storeDown: meter.createUpDownCounter('tallygate.counter_store.down', {
      description: 'Whether the counter store is down (1) or answers (0).',
    }),
  };
}

// Made once: this is told of each request.
const outcome = (value: string): Attributes => ({ outcome: value });
const OUTCOMES = {
  admitted: outcome('admitted'),
  denied: outcome('denied'),
  cost_exceeds_limit: outcome('cost_exceeds_limit'),
  unavailable: outcome('unavailable'),
  unconfirmed: outcome('unconfirmed'),
  unknown_tenant: outcome('unknown_tenant'),
};
const CALLS = { answered: outcome('answered'), unavailable: outcome('unavailable'), timeout: outcome('timeout') };
