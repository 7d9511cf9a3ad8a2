// Figures by tenant, for who asks for them: bounded, since every tenant is several series that a metrics server keeps for weeks.
import { Counter, type Registry } from 'prom-client';
import type { Decision } from '../core/quota/decision.js';
import type { OverAdmission } from '../ports/observer.js';
import { boundedLabel, OTHER } from './boundedLabel.js';

/** Most tenants with series of their own; further ones are `other`. */
export const MOST_TENANTS = 1_000;

/** Adds the families to a registry. */
export function tenantMetrics(registry: Registry) {
  const decisions = new Counter({
    name: 'tallygate_tenant_decisions_total',
    help: 'Decisions about requests, by tenant and outcome.',
    labelNames: ['tenant', 'outcome'],
    registers: [registry],
  });
  const overAdmitted = new Counter({
    name: 'tallygate_tenant_over_admitted_units_total',
    help: 'Units that an outage let pass above a limit, by tenant.',
    labelNames: ['tenant'],
    registers: [registry],
  });
  const bounded = boundedLabel(MOST_TENANTS);
  return {
    tenantDecided: ({ tenantId, outcome }: Decision): void => {
      // Who nobody knows is whatever a client sends: it takes no place from those who are known.
      const tenant = outcome === 'unknown_tenant' ? OTHER : bounded(tenantId);
      decisions.inc({ tenant, outcome });
    },
    tenantOverAdmitted: ({ tenantId, units }: OverAdmission): void =>
      overAdmitted.inc({ tenant: bounded(tenantId) }, units),
  };
}
