import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.js';

const families = (text: string) =>
  [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({ name: name ?? '', type: type ?? '' }));

describe('metrics', () => {
  it('count what the observer is told', async () => {
    const { observer, text } = createMetrics();
    observer.decided('admitted', 0.001);
    observer.decided('denied', 0.3);
    observer.requestWithoutTenant();
    observer.storeCalled('timeout', 0.25);
    observer.clockOffset(-1500);
    observer.flushed('applied', 7, 0.01);
    observer.flushed('refused', 3, 0.01);
    observer.backlog(12);
    observer.usageLost(2);
    observer.saturated('apiCalls');
    const lines = (await text()).split('\n');
    for (const line of [
      'tallygate_decisions_total{outcome="admitted"} 1',
      'tallygate_decisions_total{outcome="denied"} 1',
      'tallygate_decision_duration_seconds_count 2',
      'tallygate_requests_without_tenant_total 1',
      'tallygate_counter_store_calls_total{outcome="timeout"} 1',
      'tallygate_counter_store_clock_offset_seconds 1.5',
      'tallygate_flushes_total{outcome="applied"} 1',
      'tallygate_flushed_rows_total 7',
      'tallygate_usage_backlog_rows 12',
      'tallygate_usage_lost_records_total 2',
      'tallygate_saturations_total 1',
    ]) {
      expect(lines).toContain(line);
    }
  });

  it('show every outcome from the start, so that a rate of it can be computed', async () => {
    const text = await createMetrics().text();
    for (const outcome of ['admitted', 'denied', 'cost_exceeds_limit', 'unavailable', 'unconfirmed'])
      expect(text).toContain(`tallygate_decisions_total{outcome="${outcome}"} 0`);
  });

  it('have the prefix, base units, and counters alone end in _total', async () => {
    const all = families(await createMetrics().text());
    expect(all.length).toBeGreaterThan(8);
    for (const { name, type } of all) {
      expect(name).toMatch(/^tallygate_[a-z_]+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(name).not.toMatch(/_ms(_|$)|milliseconds|minutes/);
    }
  });

  it('of two instances do not meet', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.observer.requestWithoutTenant();
    expect(await other.text()).toContain('tallygate_requests_without_tenant_total 0');
  });
});
