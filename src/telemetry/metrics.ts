// Metrics for Prometheus: a listener of what happens inside. Prefix `tallygate_`, base units, counters end in `_total`, and no
// label ever carries what a client sends, so that the number of series is fixed.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Observer } from '../ports/observer.js';

/** The listener, and its figures as Prometheus reads them. */
export interface Metrics {
  readonly observer: Observer;
  readonly contentType: string;
  text(): Promise<string>;
}

// From a decision in memory (some microseconds) to a store that reaches the longest timeout.
const DECISION_BUCKETS = [0.000_01, 0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const FLUSH_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.25, 1, 2.5, 10];

/** A child is looked up by hashing its labels: once, not once a request. It shows from the start, or no rate of it begins at 0. */
function childOf(counter: Counter<'outcome'>, outcome: string): Counter.Internal {
  const child = counter.labels(outcome);
  child.inc(0);
  return child;
}

/** Makes a registry of its own: an app's default registry is never touched, and two instances do not meet. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const counter = (name: string, help: string) =>
    new Counter({ name: `tallygate_${name}`, help, registers: [registry] });
  const counterByOutcome = (name: string, help: string) =>
    new Counter({ name: `tallygate_${name}`, help, labelNames: ['outcome'], registers: [registry] });
  const gauge = (name: string, help: string) => new Gauge({ name: `tallygate_${name}`, help, registers: [registry] });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `tallygate_${name}`, help, buckets, registers: [registry] });

  const decisions = counterByOutcome('decisions_total', 'Decisions about requests, by their outcome.');
  const decided = {
    admitted: childOf(decisions, 'admitted'),
    denied: childOf(decisions, 'denied'),
    cost_exceeds_limit: childOf(decisions, 'cost_exceeds_limit'),
    unavailable: childOf(decisions, 'unavailable'),
    unconfirmed: childOf(decisions, 'unconfirmed'),
  };
  const decisionTime = histogram('decision_duration_seconds', 'Time from a request to its decision.', DECISION_BUCKETS);
  const tenantless = counter('requests_without_tenant_total', 'Requests that passed unmetered as they had no tenant.');
  const storeCalls = counterByOutcome(
    'counter_store_calls_total',
    'Calls of the counter store, by what became of them.',
  );
  const called = {
    answered: childOf(storeCalls, 'answered'),
    unavailable: childOf(storeCalls, 'unavailable'),
    timeout: childOf(storeCalls, 'timeout'),
  };
  const callTime = histogram(
    'counter_store_call_duration_seconds',
    'Time of a call of the counter store.',
    DECISION_BUCKETS,
  );
  const offset = gauge(
    'counter_store_clock_offset_seconds',
    "Distance of the counter store's clock from the process's.",
  );
  const flushes = counterByOutcome('flushes_total', 'Batches sent to the usage ledger, by what became of them.');
  const flushed = {
    applied: childOf(flushes, 'applied'),
    unavailable: childOf(flushes, 'unavailable'),
    refused: childOf(flushes, 'refused'),
  };
  const flushedRows = counter('flushed_rows_total', 'Rows that reached the usage ledger.');
  const flushTime = histogram(
    'flush_duration_seconds',
    'Time of a batch on its way to the usage ledger.',
    FLUSH_BUCKETS,
  );
  const backlog = gauge('usage_backlog_rows', 'Distinct rows of usage that wait to be flushed.');
  const lost = counter(
    'usage_lost_records_total',
    'Records of usage that were acknowledged and are in no ledger any more.',
  );
  const saturations = counter('saturations_total', 'Figures that reached 2^53-1 and stay there.');

  const observer: Observer = {
    decided(outcome, seconds) {
      decided[outcome].inc();
      decisionTime.observe(seconds);
    },
    requestWithoutTenant: () => tenantless.inc(),
    storeCalled(outcome, seconds) {
      called[outcome].inc();
      callTime.observe(seconds);
    },
    clockOffset: (offsetMs) => offset.set(Math.abs(offsetMs) / 1000),
    flushed(outcome, rows, seconds) {
      flushed[outcome].inc();
      flushTime.observe(seconds);
      if (outcome === 'applied') flushedRows.inc(rows);
    },
    backlog: (rows) => backlog.set(rows),
    usageLost: (records) => lost.inc(records),
    saturated: () => saturations.inc(),
  };
  return { observer, contentType: registry.contentType, text: () => registry.metrics() };
}
