import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { decision, denied } from '../../test/quota/decisions.js';
import { createTelemetry } from './telemetry.js';

function telemetry(metricsTenantLabels = false) {
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  return { log, ...createTelemetry({ metricsTenantLabels }, log, undefined) };
}

describe('what happens inside', () => {
  it('is told to metrics, the log of denials and listeners alike', async () => {
    const { observer, metrics, denials, events } = telemetry();
    const heard = vi.fn();
    events.on('denied', heard);
    observer.decided('denied', 0.001);
    observer.decisionMade(denied());
    await turn();
    expect(heard).toHaveBeenCalledOnce();
    expect(denials.read({ tenantId: 'acme', most: 10 })).toHaveLength(1);
    const text = await metrics.text();
    expect(text).toContain('tallygate_decisions_total{outcome="denied"} 1');
    expect(text).toContain('tallygate_limit_denials_total{limit="minute"} 1');
    expect(text).not.toContain('acme');
  });

  it('names tenants in metrics where that is asked for', async () => {
    const { observer, metrics } = telemetry(true);
    observer.decisionMade(decision());
    expect(await metrics.text()).toContain('tallygate_tenant_decisions_total{tenant="acme",outcome="admitted"} 1');
  });

  it('and fails in a listener 10,000 times is a line in the log, not 10,000', async () => {
    const { log, observer, events } = telemetry();
    events.on('denied', () => {
      throw new Error('the listener is broken');
    });
    for (let made = 0; made < 10_000; made += 1) {
      observer.decisionMade(denied());
      if (made % 500 === 0) await turn();
    }
    await turn();
    expect(log.error).toHaveBeenCalledExactlyOnceWith(
      { event: 'denied', err: new Error('the listener is broken') },
      'A listener of this event failed.',
    );
  });

  it('names the tenants that got more than a limit meanwhile, ten in half a minute', () => {
    const { log, observer } = telemetry();
    for (let tenant = 0; tenant < 500; tenant += 1)
      observer.overAdmitted({ tenantId: `tenant-${tenant}`, limit: 'day', units: 7 });
    expect(log.warn).toHaveBeenCalledTimes(10);
    expect(log.warn).toHaveBeenCalledWith(
      { tenantId: 'tenant-0', limit: 'day', units: 7, leftOut: 0 },
      'While the counter store was down a tenant got more than its limit.',
    );
  });

  it('and begins and ends as an outage is a line each, also where the store comes and goes', () => {
    const { log, observer } = telemetry();
    for (let outage = 0; outage < 1_000; outage += 1) {
      observer.storeDown('refused');
      observer.storeUp(1);
    }
    expect([log.warn.mock.calls.length, log.info.mock.calls.length]).toEqual([1, 1]);
  });
});
