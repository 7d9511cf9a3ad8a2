// Why was this a 429? The last refusals of this process, kept in memory: with the figures that refused, and by which settings.
// Nothing is written anywhere on a refusal's path, so a flood of them costs what a few map operations cost.
import { type Decision, type DecisionOutcome, refusingLimits, shadowRefusals } from '../core/quota/decision.js';
import type { Observer } from '../ports/observer.js';

/** Most entries that are kept; the one that was refused longest ago goes first. */
export const MOST_DENIALS = 1_000;

/** A limit as a refusal found it. */
export interface DenyingLimit {
  readonly name: string;
  readonly limit: number;
  /** Undefined where the cost alone is above the limit: then nothing was counted. */
  readonly used: number | undefined;
  readonly startMs: number | undefined;
  readonly resetAtMs: number | undefined;
}

/** Refusals that say the same: of one tenant, for one cost, by the same limits in the same windows and settings. */
export interface Denial {
  /** When the first of them was made, in milliseconds since 1970, as the label says it. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly times: number;
  readonly tenantId: string;
  readonly cost: number;
  readonly outcome: DecisionOutcome;
  /** False: a shadow limit would have refused, and the request passed. */
  readonly enforced: boolean;
  /** As the last of them found them; empty where the counter store did not answer. */
  readonly limits: readonly DenyingLimit[];
  /** Of the last of them. */
  readonly label: { readonly usageDate: string; readonly resetNumber: number };
  readonly settingsVersion: number;
}

/** Which denials are asked for. */
export interface DenialQuery {
  /** @defaultValue all tenants */
  readonly tenantId: string | undefined;
  readonly most: number;
}

/** See the head of this file. */
export interface DenialLog {
  readonly observer: Pick<Observer, 'decisionMade'>;
  /** The newest first. */
  read(query: DenialQuery): Denial[];
}

/**
 * Keeps the last {@link MOST_DENIALS}. A tenant that keeps asking is one entry with a number of times, not a thousand entries: it
 * would push out everybody else's within a second.
 */
export function createDenialLog(most = MOST_DENIALS): DenialLog {
  /** By what they say, the one refused longest ago first. */
  const denials = new Map<string, Denial>();

  function keep(denial: Denial): void {
    const said = keyOf(denial);
    const before = denials.get(said);
    // Set anew: a Map keeps the order in which its keys came.
    denials.delete(said);
    denials.set(
      said,
      before === undefined ? denial : { ...denial, firstAtMs: before.firstAtMs, times: before.times + 1 },
    );
    if (denials.size <= most) return;
    const [oldest] = denials.keys();
    if (oldest !== undefined) denials.delete(oldest);
  }

  return {
    observer: {
      decisionMade: (decision) => {
        const denial = denialOf(decision);
        if (denial !== undefined) keep(denial);
      },
    },
    read: ({ tenantId, most }) =>
      [...denials.values()]
        .reverse()
        .filter((denial) => tenantId === undefined || denial.tenantId === tenantId)
        .slice(0, most),
  };
}

/** What the log keeps of a decision; undefined: nothing. A tenant that nobody knows is no denial: clients could fill the log with names. */
function denialOf(decision: Decision): Denial | undefined {
  const { outcome, allowed, tenantId, cost, label, settingsVersion } = decision;
  if (outcome === 'unknown_tenant') return undefined;
  const limits = denyingLimits(decision);
  if (allowed && limits.length === 0) return undefined;
  const { decidedAtMs, usageDate, resetNumber } = label;
  // Every property by its name: spreading objects here cost twenty times the rest.
  return {
    firstAtMs: decidedAtMs,
    lastAtMs: decidedAtMs,
    times: 1,
    tenantId,
    cost,
    outcome,
    enforced: !allowed,
    limits,
    label: { usageDate, resetNumber },
    settingsVersion,
  };
}

const NONE: readonly DenyingLimit[] = [];

function denyingLimits(decision: Decision): readonly DenyingLimit[] {
  const states = decision.allowed ? shadowRefusals(decision) : refusingLimits(decision);
  if (states.length > 0)
    return states.map(({ name, limit = 0, used, startMs, resetAtMs }) => ({ name, limit, used, startMs, resetAtMs }));
  if (decision.exceeded.length === 0) return NONE;
  return decision.exceeded.map(({ name, limit }) => ({
    name,
    limit: Number(limit),
    used: undefined,
    startMs: undefined,
    resetAtMs: undefined,
  }));
}

/** As JSON: no separator that a tenant's id could hold too. */
const keyOf = ({ tenantId, cost, outcome, enforced, limits, settingsVersion, label }: Denial): string =>
  JSON.stringify([
    tenantId,
    cost,
    outcome,
    enforced,
    settingsVersion,
    label.resetNumber,
    limits.map(({ name, limit, startMs }) => [name, limit, startMs]),
  ]);
