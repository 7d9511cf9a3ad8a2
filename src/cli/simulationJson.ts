// A simulation for machines: everything, every tenant included, and so written piece by piece.
import type { SimulationReport, TrialFinding } from '../tallygate.js';
import { instantText } from './simulationText.js';

/** Tenants in one piece of output. */
const TENANTS_AT_ONCE = 1000;

/** What the report does not say: how it was asked for. */
export interface SimulationSettings {
  readonly file: string;
  readonly tenantBy: string;
  readonly timeZone: string;
}

/** Writes one JSON object and a line feed. Instants are ISO 8601 in UTC, null where there is none. */
export function writeSimulationJson(
  write: (text: string) => void,
  settings: SimulationSettings,
  { byTenant, plans, fromMs, toMs, ...totals }: SimulationReport,
): void {
  const head = {
    ...{ ...settings, from: orNull(fromMs), to: orNull(toMs), ...totals },
    plans: plans.map(({ name, plan, tenantsDenied, undecided, ...found }) => ({
      name,
      plan: plan.map(({ name, limit, window, enforce }) => ({ name, limit, window, enforce })),
      ...{ admitted: totals.requests - found.denied - undecided, tenantsDenied, undecided },
      ...trialJson(found),
    })),
  };
  write(`${JSON.stringify(head).slice(0, -1)},"byTenant":[`);
  let separator = '';
  let piece: string[] = [];
  const flush = () => {
    if (piece.length === 0) return;
    write(`${separator}${piece.join(',')}`);
    separator = ',';
    piece = [];
  };
  for (const { tenantId, requests, plans: found } of byTenant()) {
    if (piece.push(JSON.stringify({ tenantId, requests, plans: found.map(trialJson) })) === TENANTS_AT_ONCE) flush();
  }
  flush();
  write(']}\n');
}

const orNull = (ms: number | undefined): string | null => (ms === undefined ? null : instantText(ms));

const trialJson = ({ denied, firstDeniedMs, overage, wouldBeDenied, limits }: TrialFinding) => ({
  ...{ denied, firstDenied: orNull(firstDeniedMs), overage, wouldBeDenied },
  limits: limits.map(({ name, enforce, requests, firstMs }) => ({
    name,
    enforce,
    requests,
    first: instantText(firstMs),
  })),
});
