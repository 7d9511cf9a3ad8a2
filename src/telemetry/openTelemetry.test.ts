// With OpenTelemetry's own SDK, and exporters that keep what they get.
import { setImmediate as turn } from 'node:timers/promises';
import * as api from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { decision, denied, fullLimit } from '../../test/quota/decisions.js';
import { endSpans, registerSpans } from '../../test/telemetry/spans.js';
import type { Decision } from '../core/quota/decision.js';
import { openTelemetryApi } from './openTelemetry.js';
import { openTelemetryMetrics } from './openTelemetryMetrics.js';
import { tracedDecide } from './tracing.js';

afterEach(() => {
  endSpans();
  api.metrics.disable();
});

describe('spans', () => {
  it("have the request's active span as parent, also where many requests are decided together", async () => {
    const decide = tracedDecide(async (tenantId) => turn().then(() => decision({ tenantId })), api);
    const { inRequest, spansOf } = registerSpans();
    const names = Array.from({ length: 20 }, (_, index) => `tenant-${index}`);
    const parents = await Promise.all(names.map((name) => inRequest(name, () => decide(name, 1))));
    expect(spansOf()).toHaveLength(20);
    for (const span of spansOf()) {
      const index = names.indexOf(String(span.attributes['tallygate.tenant.id']));
      expect([span.parentSpanContext?.spanId, span.spanContext().traceId]).toEqual([
        parents[index]?.spanId,
        parents[index]?.traceId,
      ]);
    }
  });

  it('say whose decision it was, what came of it, and which limits were asked and which refused', async () => {
    const { inRequest, spansOf } = registerSpans();
    const limits = [fullLimit(), fullLimit({ name: 'day', enforce: 'shadow' })];
    const told: unknown[] = [];
    const decide = tracedDecide((tenantId, cost, reserve: { id: string }) => {
      told.push(reserve);
      return denied({ tenantId, cost, limits });
    }, api);
    await inRequest('request', () => expect(decide('acme', 3, { id: 'r-1' })).not.toBeInstanceOf(Promise));
    expect(told).toEqual([{ id: 'r-1' }]);
    expect(spansOf()[0]?.attributes).toEqual({
      'tallygate.tenant.id': 'acme',
      'tallygate.cost': 3,
      'tallygate.outcome': 'denied',
      'tallygate.limits': ['minute', 'day'],
      'tallygate.refused_by': ['minute'],
      'tallygate.shadow_refused_by': [],
    });
    expect(spansOf()[0]?.status.code).toBe(api.SpanStatusCode.UNSET);
  });

  it('of an outage and of a bug are errors, and the bug goes on to who called', async () => {
    const { spansOf } = registerSpans();
    await tracedDecide(async () => decision({ outcome: 'unavailable', allowed: false, limits: [] }), api)('a', 1);
    const bug = new TypeError('a bug');
    const [thrown, rejected] = [
      tracedDecide(() => {
        throw bug;
      }, api),
      tracedDecide(() => Promise.reject(bug), api),
    ];
    expect(() => thrown('a', 1)).toThrow(bug);
    await expect(rejected('a', 1)).rejects.toBe(bug);
    expect(spansOf().map(({ status, events }) => [status.code, events.length])).toEqual([
      [api.SpanStatusCode.ERROR, 0],
      [api.SpanStatusCode.ERROR, 1],
      [api.SpanStatusCode.ERROR, 1],
    ]);
  });

  it('are the parents of what is called while it is decided', async () => {
    const { app, spansOf } = registerSpans();
    const decide = tracedDecide(async () => {
      await turn();
      app.startSpan('redis').end();
      return decision();
    }, api);
    await decide('acme', 1);
    expect(spansOf('redis')[0]?.parentSpanContext?.spanId).toBe(spansOf()[0]?.spanContext().spanId);
  });

  it('are recorded by an SDK that was registered after us, and cost no promise before', async () => {
    const made = decision();
    const decide = tracedDecide((): Decision | Promise<Decision> => made, api);
    expect(decide('acme', 1)).toBe(made);
    const { spansOf } = registerSpans();
    expect(decide('acme', 1)).toBe(made);
    expect(spansOf()).toHaveLength(1);
  });
});

describe('metrics', () => {
  async function collected(reader: PeriodicExportingMetricReader, exporter: InMemoryMetricExporter) {
    await reader.forceFlush();
    const all =
      exporter
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? [];
    return new Map(all.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints]));
  }

  it('are recorded on the provider that is registered by then, without a tenant', async () => {
    const observer = openTelemetryMetrics(api);
    observer.decided?.('admitted', 0.001);
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    api.metrics.setGlobalMeterProvider(provider);
    observer.decided?.('admitted', 0.002);
    observer.decided?.('denied', 0.3);
    observer.decisionMade?.(decision({ overage: 5, crossed: [{ name: 'minute', level: 100 }] }));
    observer.shadowDenied?.(['day']);
    observer.storeCalled?.('answered', 0.001);
    observer.overAdmitted?.({ tenantId: 'acme', limit: 'day', units: 7 });
    observer.reservation?.('late');
    observer.leased?.('taken', 40);
    observer.storeDown?.('refused');
    const metrics = await collected(reader, exporter);
    const values = (name: string) => metrics.get(name)?.map(({ attributes, value }) => [attributes, value]);
    expect(values('tallygate.decisions')).toEqual([
      [{ outcome: 'admitted' }, 1],
      [{ outcome: 'denied' }, 1],
    ]);
    expect(metrics.get('tallygate.decision.duration')?.[1]?.value).toMatchObject({ count: 1, sum: 0.3 });
    expect(metrics.get('tallygate.counter_store.call.duration')?.[0]?.value).toMatchObject({ count: 1 });
    for (const [name, attributes, value] of [
      ['tallygate.thresholds', { level: 100 }, 1],
      ['tallygate.overage', {}, 5],
      ['tallygate.shadow_denials', { limit: 'day' }, 1],
      ['tallygate.over_admitted', { limit: 'day' }, 7],
      ['tallygate.reservations', { event: 'late' }, 1],
      ['tallygate.leases', { event: 'taken' }, 40],
      ['tallygate.counter_store.down', {}, 1],
    ] as const)
      expect([name, values(name)]).toEqual([name, [[attributes, value]]]);
    observer.storeUp?.(5);
    expect((await collected(reader, exporter)).get('tallygate.counter_store.down')?.[0]?.value).toBe(0);
    await provider.shutdown();
  });
});

describe('the API', () => {
  it('is loaded where it is installed', () => {
    expect(openTelemetryApi()?.trace).toBeDefined();
  });

  it('is none where it is not, and broken where it is broken', () => {
    const missing = Object.assign(new Error("Cannot find module '@opentelemetry/api'"), { code: 'MODULE_NOT_FOUND' });
    const throwing = (error: Error) =>
      vi.fn(() => {
        throw error;
      });
    expect(openTelemetryApi(throwing(missing))).toBeUndefined();
    expect(() => openTelemetryApi(throwing(new SyntaxError('half a file')))).toThrow('half a file');
  });
});
