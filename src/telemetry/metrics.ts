// Metrics for Prometheus: a listener of what happens inside. Prefix `tallygate_`, base units, counters end in `_total`, and no
// label carries what a client sends, so that the number of series is bounded; tenants only where it is asked for.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Decision } from '../core/quota/decision.js';
import type { Observer } from '../ports/observer.js';
import { boundedLabel } from './boundedLabel.js';
import { collectionMetrics } from './collectionMetrics.js';
import { tenantMetrics } from './tenantMetrics.js';

/** The listener, and its figures as Prometheus reads them. */
export interface Metrics {
  readonly observer: Observer;
  readonly contentType: string;
  text(): Promise<string>;
}

/** What is measured besides. */
export interface MetricsOptions {
  /** Whether decisions are counted by tenant too: the first 1,000 tenants of a process, the rest as `other`. */
  readonly tenantLabels: boolean;
}

// From a decision in memory (some microseconds) to a store that reaches the longest timeout.
const DECISION_BUCKETS = [0.000_01, 0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const FLUSH_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.25, 1, 2.5, 10];
/** Names of limits come from plans and are few; the bound is for an app that makes plans without end. */
const MOST_LIMIT_NAMES = 100;

/** Makes a registry of its own: an app's default registry is never touched, and two instances do not meet. */
export function createMetrics(options: MetricsOptions = { tenantLabels: false }): Metrics {
  const registry = new Registry();
  const observer = {
    ...decisionMetrics(registry),
    ...storeMetrics(registry),
    ...meteringMetrics(registry),
    ...collectionMetrics(registry),
  };
  const { tenantDecided, tenantOverAdmitted } = options.tenantLabels ? tenantMetrics(registry) : SILENT_TENANTS;
  const { decisionMade, overAdmitted } = observer;
  return {
    observer: {
      ...observer,
      decisionMade: (decision) => {
        decisionMade(decision);
        tenantDecided(decision);
      },
      overAdmitted: (over) => {
        overAdmitted(over);
        tenantOverAdmitted(over);
      },
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

const SILENT_TENANTS: ReturnType<typeof tenantMetrics> = { tenantDecided: () => {}, tenantOverAdmitted: () => {} };

function decisionMetrics(registry: Registry) {
  const decided = counterBy(registry, 'decisions_total', 'Decisions about requests, by their outcome.', 'outcome', [
    'admitted',
    'denied',
    'cost_exceeds_limit',
    'unavailable',
    'unconfirmed',
    'unknown_tenant',
  ]);
  const duration = histogram(
    registry,
    'decision_duration_seconds',
    'Time from a request to its decision.',
    DECISION_BUCKETS,
  );
  const tenantless = counter(
    registry,
    'requests_without_tenant_total',
    'Requests that passed unmetered as they had no tenant.',
  );
  const refusals = byLimit(registry, 'limit_denials_total', 'Requests that a limit refused, by its name.');
  const shadows = byLimit(
    registry,
    'shadow_denials_total',
    'Requests that passed and that a limit would have refused if it were enforced, by its name.',
  );
  const crossings = counterBy(registry, 'thresholds_total', 'Limits of tenants that reached a level.', 'level', [
    '80',
    '100',
  ]);
  const overage = counter(registry, 'overage_units_total', 'Units that soft limits let pass above their number.');
  const overAdmitted = byLimit(registry, 'over_admitted_units_total', 'Units that an outage let pass above a limit.');
  const reservations = counterBy(registry, 'reservations_total', 'Reservations, by what became of them.', 'event', [
    'reserved',
    'committed',
    'overrun',
    'released',
    'late',
  ]);
  return {
    decided: (outcome, seconds) => {
      decided[outcome].inc();
      duration.observe(seconds);
    },
    decisionMade: (decision: Decision) => {
      if (decision.outcome === 'denied') {
        for (const state of decision.limits) if (state.violated && state.enforce === 'hard') refusals(state.name, 1);
      }
      for (const { level } of decision.crossed) crossings[level].inc();
      if (decision.overage > 0) overage.inc(decision.overage);
    },
    shadowDenied: (names) => {
      for (const name of names) shadows(name, 1);
    },
    requestWithoutTenant: () => tenantless.inc(),
    overAdmitted: ({ limit, units }) => overAdmitted(limit, units),
    reservation: (event) => reservations[event].inc(),
  } satisfies Partial<Observer>;
}

function storeMetrics(registry: Registry) {
  const called = counterBy(
    registry,
    'counter_store_calls_total',
    'Calls of the counter store, by what became of them.',
    'outcome',
    ['answered', 'unavailable', 'timeout'],
  );
  const callTime = histogram(
    registry,
    'counter_store_call_duration_seconds',
    'Time of a call of the counter store.',
    DECISION_BUCKETS,
  );
  const down = gauge(registry, 'counter_store_down', 'Whether the counter store is down (1) or answers (0).');
  const outages = counter(registry, 'counter_store_outages_total', 'Outages of the counter store that began.');
  const downTime = counter(registry, 'counter_store_outage_seconds_total', 'Time of outages that are over.');
  const offset = gauge(
    registry,
    'counter_store_clock_offset_seconds',
    "Distance of the counter store's clock from the process's.",
  );
  const leased = counterBy(registry, 'lease_units_total', 'Units of leases, by what became of them.', 'event', [
    'taken',
    'returned',
    'burned',
  ]);
  return {
    storeCalled: (outcome, seconds) => {
      called[outcome].inc();
      callTime.observe(seconds);
    },
    storeDown: () => {
      down.set(1);
      outages.inc();
    },
    storeUp: (downMs) => {
      down.set(0);
      downTime.inc(downMs / 1000);
    },
    clockOffset: (offsetMs) => offset.set(Math.abs(offsetMs) / 1000),
    leased: (event, units) => leased[event].inc(units),
  } satisfies Partial<Observer>;
}

function meteringMetrics(registry: Registry) {
  const flushed = counterBy(
    registry,
    'flushes_total',
    'Batches sent to the usage ledger, by what became of them.',
    'outcome',
    ['applied', 'unavailable', 'refused'],
  );
  const rowsFlushed = counter(registry, 'flushed_rows_total', 'Rows that reached the usage ledger.');
  const flushTime = histogram(
    registry,
    'flush_duration_seconds',
    'Time of a batch on its way to the usage ledger.',
    FLUSH_BUCKETS,
  );
  const backlog = gauge(registry, 'usage_backlog_rows', 'Distinct rows of usage that wait to be flushed.');
  const lost = counter(
    registry,
    'usage_lost_records_total',
    'Records of usage that were acknowledged and are in no ledger any more.',
  );
  const saturations = counter(registry, 'saturations_total', 'Figures that reached 2^53-1 and stay there.');
  return {
    flushed: (outcome, rows, seconds) => {
      flushed[outcome].inc();
      flushTime.observe(seconds);
      if (outcome === 'applied') rowsFlushed.inc(rows);
    },
    backlog: (rows) => backlog.set(rows),
    usageLost: (records) => lost.inc(records),
    saturated: () => saturations.inc(),
  } satisfies Partial<Observer>;
}

const counter = (registry: Registry, name: string, help: string): Counter =>
  new Counter({ name: `tallygate_${name}`, help, registers: [registry] });

const gauge = (registry: Registry, name: string, help: string): Gauge =>
  new Gauge({ name: `tallygate_${name}`, help, registers: [registry] });

const histogram = (registry: Registry, name: string, help: string, buckets: number[]): Histogram =>
  new Histogram({ name: `tallygate_${name}`, help, buckets, registers: [registry] });

/** A counter with one label of known values. A child is looked up by hashing its labels: once, not once a request; and it shows from the start, or no rate of it begins at 0. */
function counterBy<Value extends string>(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  values: readonly Value[],
): Record<Value, Counter.Internal> {
  const all = new Counter({ name: `tallygate_${name}`, help, labelNames: [label], registers: [registry] });
  const children = values.map((value) => {
    const child = all.labels(value);
    child.inc(0);
    return [value, child];
  });
  return Object.fromEntries(children);
}

/** A counter by the names of limits. */
function byLimit(registry: Registry, name: string, help: string): (limit: string, units: number) => void {
  const all = new Counter({ name: `tallygate_${name}`, help, labelNames: ['limit'], registers: [registry] });
  const bounded = boundedLabel(MOST_LIMIT_NAMES);
  return (limit, units) => all.inc({ limit: bounded(limit) }, units);
}
