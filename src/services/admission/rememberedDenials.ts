// A denial, remembered for a moment: a tenant that is over its limit asks again at once, and need not ask the store each time. Only
// for costs at least as large: a smaller one may fit. Only while nothing can have changed that the process would know of: the same
// settings, and none of the windows that it shows has ended. What another process gave back meanwhile is found when the moment is over.
import { type Decision, type LimitState, refusingLimits } from '../../core/quota/decision.js';

/** Longest memory, in milliseconds. */
const MEMORY_MS = 500;
/** Most tenants remembered; the oldest are forgotten first. */
const MAX_TENANTS = 10_000;

interface Remembered {
  /** Settings that the denial was decided by, by identity. */
  readonly settings: object;
  readonly denial: Decision;
  readonly atMs: number;
  readonly untilMs: number;
}

/** See the head of this file. Times are the process's monotonic clock. */
export class RememberedDenials {
  readonly #denials = new Map<string, Remembered>();

  /** Keeps a denial of the store, made just now. */
  keep(settings: object, denial: Decision, nowMs: number): void {
    if (refusingLimits(denial).length === 0) return;
    const { decidedAtMs } = denial.label;
    const untilMs = nowMs + Math.min(MEMORY_MS, ...denial.limits.map((state) => changesAt(state) - decidedAtMs));
    this.#denials.delete(denial.tenantId);
    this.#denials.set(denial.tenantId, { settings, denial, atMs: nowMs, untilMs });
    if (this.#denials.size <= MAX_TENANTS) return;
    const oldest = this.#denials.keys().next();
    if (oldest.done !== true) this.#denials.delete(oldest.value);
  }

  /** The denial of a cost, where one that is remembered says it; undefined: the store must be asked. */
  denialOf(tenantId: string, settings: object, cost: number, nowMs: number): Decision | undefined {
    const known = this.#denials.get(tenantId);
    if (known === undefined) return undefined;
    if (nowMs >= known.untilMs || known.settings !== settings) {
      this.#denials.delete(tenantId);
      return undefined;
    }
    if (cost < known.denial.cost) return undefined;
    const { label, limits } = known.denial;
    return {
      ...known.denial,
      cost,
      // Of the request that was decided, not of this one.
      crossed: [],
      isReservation: false,
      label: { ...label, decidedAtMs: Math.floor(label.decidedAtMs + (nowMs - known.atMs)) },
      limits: cost === known.denial.cost ? limits : limits.map((state) => refusing(state, cost)),
    };
  }

  /** What the store says is newer than what is remembered. */
  forget(tenantId: string): void {
    if (this.#denials.size > 0) this.#denials.delete(tenantId);
  }
}

/** When what is shown of a limit is no longer true by itself. */
const changesAt = ({ violated, fitsAtMs, resetAtMs }: LimitState): number => (violated ? fitsAtMs : resetAtMs);

/** The same limit before a larger cost: more limits may refuse that, and none fits it sooner than when it is whole again. */
function refusing(state: LimitState, cost: number): LimitState {
  const violated = state.limit !== undefined && cost > state.limit - state.used;
  return { ...state, violated, fitsAtMs: state.resetAtMs };
}
