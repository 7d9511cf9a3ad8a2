// The limits that hold for a tenant: those of its plan with its own overrides over them, as long as these last.
import type { EffectiveLimit, Enforcement, Limit, LimitSource } from './limit.js';
import { isWindowUnit, shortestFirst } from './plans.js';

/** A tenant's own number for one limit. */
export interface LimitOverride {
  readonly limit: number | 'unlimited';
  /** First instant at which it no longer holds, in milliseconds since 1970; undefined: it holds until it is changed. */
  readonly untilMs: number | undefined;
}

/** What the limits of a tenant are made of. */
export interface LimitParts {
  readonly planned: readonly Limit[];
  /** `plan`: somebody gave the tenant its plan; `default`: nobody did. */
  readonly planSource: 'plan' | 'default';
  readonly overrides: ReadonlyMap<string, LimitOverride>;
  readonly nowMs: number;
  /** False: what would be refused is let pass and reported; every hard limit is a shadow of itself. */
  readonly enforced: boolean;
}

/**
 * The limits that hold: the plan's, each replaced by an override of its name, and overrides of windows that the plan leaves
 * open. Shortest window first. An override whose limit the present plan does not have waits for a plan that has it.
 */
export function effectiveLimits({
  planned,
  planSource,
  overrides,
  nowMs,
  enforced,
}: LimitParts): readonly EffectiveLimit[] {
  const enforcementOf = ({ enforce = 'hard' }: Pick<Limit, 'enforce'>): Enforcement =>
    !enforced && enforce === 'hard' ? 'shadow' : enforce;
  const limits = planned.map((one): EffectiveLimit => {
    const override = overrides.get(one.name);
    const own = override !== undefined && lasts(override, nowMs) ? numberOf(override) : { source: planSource };
    return { ...one, enforce: enforcementOf(one), ...own };
  });
  for (const [name, override] of overrides) {
    if (!isWindowUnit(name) || planned.some((one) => one.name === name) || !lasts(override, nowMs)) continue;
    limits.push({ name, window: name, enforce: enforcementOf({}), ...numberOf(override) });
  }
  return shortestFirst(limits);
}

const numberOf = ({
  limit,
  untilMs,
}: LimitOverride): Pick<EffectiveLimit, 'limit' | 'untilMs'> & { source: LimitSource } => ({
  limit,
  source: 'override',
  ...(untilMs === undefined ? {} : { untilMs }),
});

/** Whether an override holds, or may still come to hold. */
export const lasts = ({ untilMs }: LimitOverride, nowMs: number): boolean => untilMs === undefined || nowMs < untilMs;

/** The first end of an override after `nowMs`, in milliseconds since 1970; Infinity where none ends. */
export const firstEndMs = (overrides: ReadonlyMap<string, LimitOverride>, nowMs: number): number =>
  [...overrides.values()].reduce(
    (first, { untilMs = Number.POSITIVE_INFINITY }) => (nowMs < untilMs ? Math.min(first, untilMs) : first),
    Number.POSITIVE_INFINITY,
  );
