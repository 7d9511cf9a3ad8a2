import { describe, expect, it } from 'vitest';
import { decision, denied, fullLimit } from '../../test/quota/decisions.js';
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
    observer.storageCollected({ outcome: 'collected', seconds: 2, tenants: 7, leftOut: 3 });
    observer.storageCollected({ outcome: 'failed', seconds: 1.5, tenants: 0, leftOut: 0 });
    observer.decisionMade(denied({ limits: [fullLimit(), fullLimit({ name: 'day', enforce: 'shadow' })] }));
    observer.decisionMade(decision({ overage: 4, crossed: [{ name: 'minute', level: 80 }] }));
    observer.shadowDenied(['burst']);
    observer.overAdmitted({ tenantId: 'acme', limit: 'day', units: 9 });
    observer.reservation('overrun');
    observer.leased('burned', 30);
    observer.storeDown('refused');
    observer.storeUp(1_500);
    observer.storeDown('refused');
    const lines = (await text()).split('\n');
    expect(lines.filter((line) => line.includes('limit="day"'))).toHaveLength(1);
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
      'tallygate_storage_collections_total{outcome="collected"} 1',
      'tallygate_storage_collections_total{outcome="failed"} 1',
      'tallygate_storage_collections_total{outcome="broken_off"} 0',
      'tallygate_storage_collection_left_out_total 3',
      'tallygate_storage_collected_tenants 7',
      'tallygate_storage_collection_duration_seconds 1.5',
      'tallygate_limit_denials_total{limit="minute"} 1',
      'tallygate_shadow_denials_total{limit="burst"} 1',
      'tallygate_overage_units_total 4',
      'tallygate_thresholds_total{level="80"} 1',
      'tallygate_over_admitted_units_total{limit="day"} 9',
      'tallygate_reservations_total{event="overrun"} 1',
      'tallygate_lease_units_total{event="burned"} 30',
      'tallygate_counter_store_down 1',
      'tallygate_counter_store_outages_total 2',
      'tallygate_counter_store_outage_seconds_total 1.5',
    ]) {
      expect(lines).toContain(line);
    }
  });

  it('show every outcome from the start, so that a rate of it can be computed', async () => {
    const text = await createMetrics().text();
    for (const outcome of ['admitted', 'denied', 'cost_exceeds_limit', 'unavailable', 'unconfirmed', 'unknown_tenant'])
      expect(text).toContain(`tallygate_decisions_total{outcome="${outcome}"} 0`);
  });

  it('have the prefix, base units, and counters alone end in _total', async () => {
    const all = families(await createMetrics({ tenantLabels: true }).text());
    expect(all.length).toBeGreaterThan(20);
    for (const { name, type } of all) {
      expect(name).toMatch(/^tallygate_[a-z_]+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(name).not.toMatch(/_ms(_|$)|milliseconds|minutes/);
    }
  });

  it('name no tenant unless asked', async () => {
    const { observer, text } = createMetrics();
    observer.decisionMade(denied());
    observer.overAdmitted({ tenantId: 'acme', limit: 'day', units: 1 });
    expect(await text()).not.toMatch(/acme|tenant_(decisions|over)/);
  });

  it('name, where asked, the first 1,000 tenants and call the rest other; one that nobody knows takes no place', async () => {
    const { observer, text } = createMetrics({ tenantLabels: true });
    for (let unknown = 0; unknown < 2_000; unknown += 1)
      observer.decisionMade(decision({ outcome: 'unknown_tenant', allowed: false, tenantId: `made-up-${unknown}` }));
    for (let tenant = 0; tenant < 1_500; tenant += 1) observer.decisionMade(decision({ tenantId: `t-${tenant}` }));
    observer.decisionMade(denied({ tenantId: 't-999' }));
    observer.overAdmitted({ tenantId: 't-0', limit: 'day', units: 3 });
    observer.overAdmitted({ tenantId: 't-1400', limit: 'day', units: 4 });
    const lines = (await text()).split('\n');
    const tenants = lines.filter((line) => line.startsWith('tallygate_tenant_decisions_total{'));
    expect(tenants).toHaveLength(1_000 + 1 + 2);
    for (const line of [
      'tallygate_tenant_decisions_total{tenant="t-999",outcome="denied"} 1',
      'tallygate_tenant_decisions_total{tenant="other",outcome="admitted"} 500',
      'tallygate_tenant_decisions_total{tenant="other",outcome="unknown_tenant"} 2000',
      'tallygate_tenant_over_admitted_units_total{tenant="t-0"} 3',
      'tallygate_tenant_over_admitted_units_total{tenant="other"} 4',
    ])
      expect(lines).toContain(line);
  });

  it('hold a bound on the names of limits, for plans that an app makes without end', async () => {
    const { observer, text } = createMetrics();
    for (let name = 0; name < 500; name += 1) observer.shadowDenied([`limit-${name}`]);
    const lines = (await text()).split('\n').filter((line) => line.startsWith('tallygate_shadow_denials_total{'));
    expect([lines.length, lines.at(-1)]).toEqual([101, 'tallygate_shadow_denials_total{limit="other"} 400']);
  });

  it('of two instances do not meet', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.observer.requestWithoutTenant();
    expect(await other.text()).toContain('tallygate_requests_without_tenant_total 0');
  });
});
