// The plan that the app itself names for a tenant, in place of the stored one. A request waits for the app's answer only where
// none is known that is recent enough; an app that is slow or fails costs one wait and changes no tenant's plan.
//
// An answer, for the tenant of an entry: `fresh` for 500 ms from the start of its call. Then the next request asks again, one call at
// a time, and the old answer still serves meanwhile until it is 750 ms old: so a change is in force within 750 ms. After that,
// or where there is no answer yet, requests wait for the call, at most until it is 250 ms old; from then on the call is `late`,
// nobody waits for it any more, and what was known last holds, until it answers or is given up.
import type { Plans } from '../../core/quota/plans.js';
import type { Clock } from '../../ports/clock.js';
import type { QuotaService } from './quotaService.js';
import type { TenantQuota } from './tenantQuota.js';

/** Names a tenant's plan; undefined: the stored one holds. */
export type ResolvePlan = (tenantId: string) => string | undefined | Promise<string | undefined>;

/** How long an answer is used without asking again. */
const FRESH_MS = 500;
/** Longest wait of a request for an answer. */
const DEADLINE_MS = 250;
/** How long an answer serves while the next one is awaited. */
const USABLE_MS = FRESH_MS + DEADLINE_MS;
/** A call without an answer after this long is given up: the next request may call again. */
const GIVEN_UP_MS = 5_000;
/** Most tenants whose answers are kept; the one that was asked for longest ago is forgotten first. */
const MAX_TENANTS = 10_000;

/** Why the app's answer could not be used. */
export interface PlanFailure {
  /** `full`: more tenants asked at once than are kept. */
  readonly kind: 'threw' | 'late' | 'unknown_plan' | 'full';
  readonly tenantId: string;
  /** What was thrown, or answered. */
  readonly cause?: unknown;
}

/** What it needs. */
export interface PlanResolverParts {
  readonly resolvePlan: ResolvePlan;
  readonly settings: Pick<QuotaService, 'quotaOf' | 'quotaWithPlan'>;
  readonly plans: Plans;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Told of each answer that could not be used. */
  readonly onFailure: (failure: PlanFailure) => void;
}

/** What is known of one tenant. */
interface Entry {
  readonly tenantId: string;
  /** When the last call began; -Infinity before the first. */
  askedAtMs: number;
  /** When the last call began that was answered well; -Infinity before the first. */
  answeredAtMs: number;
  /** What that one answered. */
  plan: string | undefined;
  /** The call that is under way; `settled` at its end or its deadline, whichever is first. */
  call: { readonly settled: Promise<void> } | undefined;
  /** The quota that `plan` makes of `base`, kept so that it is one object as long as neither changes. */
  made: { readonly base: TenantQuota; readonly plan: string; readonly quota: TenantQuota } | undefined;
}

/** See the head of this file. */
export class PlanResolver {
  readonly #parts: PlanResolverParts;
  /** In the order of their last calls, the oldest first. */
  readonly #entries = new Map<string, Entry>();

  constructor(parts: PlanResolverParts) {
    this.#parts = parts;
  }

  /**
   * What holds for the tenant now. A promise only where the app has to be waited for; it never rejects but as the synchronous call
   * throws.
   * @throws TallygateError `not_ready` before the settings were loaded once
   */
  quotaOf(tenantId: string): TenantQuota | Promise<TenantQuota> {
    const base = this.#parts.settings.quotaOf(tenantId);
    const now = this.#parts.clock.monotonicMs();
    const entry = this.#entries.get(tenantId) ?? this.#enter(tenantId, now);
    if (entry === undefined) return base;
    if (this.#isCallDue(entry, now)) this.#call(entry, now);
    const { call } = entry;
    const waits = call !== undefined && now - entry.askedAtMs < DEADLINE_MS && now - entry.answeredAtMs >= USABLE_MS;
    if (!waits) return this.#quota(entry, base);
    return call.settled.then(() => this.#quota(entry, this.#parts.settings.quotaOf(tenantId)));
  }

  /** The plan that the app named last for the tenant; undefined where it named none, or was not asked lately. */
  planOf(tenantId: string): string | undefined {
    return this.#entries.get(tenantId)?.plan;
  }

  #isCallDue({ askedAtMs, call }: Entry, now: number): boolean {
    return now - askedAtMs >= (call === undefined ? FRESH_MS : GIVEN_UP_MS);
  }

  /** Makes room where there is none; undefined where all that are kept are being asked for right now. */
  #enter(tenantId: string, now: number): Entry | undefined {
    const [oldest] = this.#entries.values();
    if (this.#entries.size >= MAX_TENANTS && oldest !== undefined) {
      if (oldest.call !== undefined && now - oldest.askedAtMs < DEADLINE_MS) {
        this.#parts.onFailure({ kind: 'full', tenantId });
        return undefined;
      }
      this.#entries.delete(oldest.tenantId);
    }
    const never = Number.NEGATIVE_INFINITY;
    return { tenantId, askedAtMs: never, answeredAtMs: never, plan: undefined, call: undefined, made: undefined };
  }

  /** Asks the app. An answer that is there at once is used at once. */
  #call(entry: Entry, now: number): void {
    // Before the call: what it asks of us in turn must find the call made.
    entry.askedAtMs = now;
    entry.call = undefined;
    this.#entries.delete(entry.tenantId);
    this.#entries.set(entry.tenantId, entry);
    try {
      const answer = this.#parts.resolvePlan(entry.tenantId);
      if (isThenable(answer)) this.#await(entry, now, answer);
      else this.#answered(entry, now, answer);
    } catch (error) {
      this.#fail(entry, 'threw', error);
    }
  }

  #await(entry: Entry, askedAtMs: number, answer: PromiseLike<string | undefined>): void {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#fail(entry, 'late', undefined);
        resolve();
      }, DEADLINE_MS);
      timer.unref();
    });
    const ended = Promise.resolve(answer).then(
      (plan) => this.#answered(entry, askedAtMs, plan),
      (error: unknown) => this.#fail(entry, 'threw', error),
    );
    const over = ended.then(() => {
      clearTimeout(timer);
      if (entry.call === call) entry.call = undefined;
    });
    const call = { settled: Promise.race([over, deadline]) };
    entry.call = call;
  }

  /** From JavaScript anything may be answered. */
  #answered(entry: Entry, askedAtMs: number, plan: unknown): void {
    const none = plan === undefined || plan === null;
    if (!none && !(typeof plan === 'string' && this.#parts.plans.has(plan))) {
      this.#fail(entry, 'unknown_plan', plan);
      return;
    }
    // A call that was given up may answer after the one that followed it.
    if (askedAtMs < entry.answeredAtMs) return;
    entry.answeredAtMs = askedAtMs;
    entry.plan = none ? undefined : plan;
  }

  #fail({ tenantId }: Entry, kind: PlanFailure['kind'], cause: unknown): void {
    this.#parts.onFailure({ kind, tenantId, ...(cause === undefined ? {} : { cause }) });
  }

  #quota(entry: Entry, base: TenantQuota): TenantQuota {
    const { plan, made } = entry;
    if (plan === undefined) return base;
    if (made !== undefined && made.base === base && made.plan === plan) return made.quota;
    const quota = this.#parts.settings.quotaWithPlan(entry.tenantId, plan);
    entry.made = { base, plan, quota };
    return quota;
  }
}

const isThenable = (answer: unknown): answer is PromiseLike<string | undefined> =>
  typeof answer === 'object' && answer !== null && 'then' in answer && typeof answer.then === 'function';
