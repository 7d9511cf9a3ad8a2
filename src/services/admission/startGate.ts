// The time before the first answer, and after the last. Until ledger, settings and counter store have answered once nothing is
// known of a tenant, so no plan is assumed: requests wait, and after that the outage policy holds, as it does once the end has
// begun. In between this costs one comparison.
//
// States: waiting -> open -> closed, or waiting -> closed.
import { NO_METER_COSTS } from '../../core/quota/cost.js';
import { keyedPart } from '../../core/quota/decide.js';
import { type Decision, decisionWithoutStore, type StoreErrorPolicy } from '../../core/quota/decision.js';
import { dateAt, UTC_CALENDAR } from '../../core/time/calendar.js';
import type { Clock } from '../../ports/clock.js';
import type { Observer } from '../../ports/observer.js';
import type { Admission } from './admission.js';
import { type Asked, NOTHING_ELSE } from './attempt.js';

/** Longest wait of a request for the start. */
export const START_WAIT_MS = 15_000;

/** What it needs. */
export interface StartGateParts {
  readonly admission: Pick<Admission, 'decide' | 'look'>;
  /** Starts what has not started; settles when everything answered once, and rejects where it never will. */
  readonly started: () => Promise<void>;
  readonly policy: StoreErrorPolicy;
  /** Whether the tenants' settings are known: then the admission's own policy holds, though the store never answered. */
  readonly knowsLimits: () => boolean;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'decided' | 'decisionMade'>;
  readonly onDecision: (decision: Decision) => void;
}

/** Has the shape of the admission that it stands before. */
export class StartGate {
  readonly #parts: StartGateParts;
  #state: 'waiting' | 'open' | 'closed' = 'waiting';
  /** Since when somebody waits; undefined before the first. */
  #start: { readonly sinceMs: number; readonly settled: Promise<void> } | undefined;
  /** Decisions that wait for an answer. */
  readonly #underWay = new Set<Promise<Decision>>();

  constructor(parts: StartGateParts) {
    this.#parts = parts;
  }

  decide(tenantId: string, cost: number, asked: Asked = NOTHING_ELSE): Decision | Promise<Decision> {
    const { admission } = this.#parts;
    if (this.#state === 'open') return this.#followed(admission.decide(tenantId, cost, asked));
    const arrivedAtMs = this.#parts.clock.monotonicMs();
    return this.#followed(
      this.whenOpen().then((open) =>
        open || this.#knowsTenants()
          ? admission.decide(tenantId, cost, asked)
          : this.#tell(this.#unready(tenantId, cost, asked), arrivedAtMs),
      ),
    );
  }

  look(tenantId: string): Decision | Promise<Decision> {
    if (this.#state === 'open') return this.#parts.admission.look(tenantId);
    return this.whenOpen().then((open) =>
      open ? this.#parts.admission.look(tenantId) : this.#unready(tenantId, 0, NOTHING_ELSE),
    );
  }

  /** Decides nothing any more by the store. Resolves once no decision is under way, so that all of them are booked. */
  async close(): Promise<void> {
    this.#state = 'closed';
    await Promise.allSettled(this.#underWay);
  }

  /** Whether everything answered once and the end has not begun. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /**
   * Waits for the start, at most until 15 s after the first who did; false where it did not come, failed for good, or the end has
   * begun.
   */
  async whenOpen(): Promise<boolean> {
    if (this.#state !== 'waiting') return this.#state === 'open';
    const now = this.#parts.clock.monotonicMs();
    this.#start ??= { sinceMs: now, settled: this.#opened() };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, START_WAIT_MS - (now - (this.#start?.sinceMs ?? now))));
    });
    await Promise.race([this.#start.settled, late]);
    clearTimeout(timer);
    return this.isOpen;
  }

  /** Opens when everything answered once. What hinders that is told by whoever starts; here it only means that nothing is known. */
  async #opened(): Promise<void> {
    try {
      await this.#parts.started();
    } catch {
      return;
    }
    if (!this.#isClosed()) this.#state = 'open';
  }

  /** What is let pass is then booked to the tenant's own date and reset, and a tenant without a limit is refused by no policy. */
  #knowsTenants(): boolean {
    return !this.#isClosed() && this.#parts.knowsLimits();
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #followed(decision: Decision | Promise<Decision>): Decision | Promise<Decision> {
    if (decision instanceof Promise) {
      this.#underWay.add(decision);
      const over = () => void this.#underWay.delete(decision);
      decision.then(over, over);
    }
    return decision;
  }

  #tell(decision: Decision, arrivedAtMs: number): Decision {
    const { observer, clock, onDecision } = this.#parts;
    observer.decided(decision.outcome, (clock.monotonicMs() - arrivedAtMs) / 1000);
    observer.decisionMade(decision);
    onDecision(decision);
    return decision;
  }

  #unready(tenantId: string, cost: number, { meterCosts = NO_METER_COSTS, reserve, keyed }: Asked): Decision {
    const outcome = this.#parts.policy === 'allow' ? 'unconfirmed' : 'unavailable';
    const decidedAtMs = this.#parts.clock.wallMs();
    return decisionWithoutStore(
      { outcome, tenantId, cost, meterCosts, isReservation: reserve !== undefined, ...keyedPart(keyed) },
      { decidedAtMs, usageDate: dateAt(decidedAtMs, UTC_CALENDAR) },
    );
  }
}
