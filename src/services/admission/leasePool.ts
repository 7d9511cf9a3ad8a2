// Units that this process has taken out of the shared counters: while some are left it admits without asking anybody. A lease is a
// charge and nothing else. It is valid for a second by the store's clock, never past the end of a window, and ends early rather than
// late: both clocks are read at each decision, so a stalled or stopped process finds its lease over.
//
// A tenant's account: `idle` (no lease, nobody takes one) -> `taking` (one request carries the wish) -> `idle`, or `leased` -> ended
// (the rest waits to be given back, by the next taking or by the timer) -> `idle`. Only one request of a tenant takes at a time.
import type { CountedWindow, DecidedReply } from '../../core/quota/chargeReply.js';
import type { Settlement } from '../../core/quota/lease.js';
import type { WindowPlan } from '../../core/quota/windows.js';
import type { Clock } from '../../ports/clock.js';
import type { CounterStore } from '../../ports/counterStore.js';
import type { Observer } from '../../ports/observer.js';
import { DemandRate } from './demandRate.js';

/** How long a block is good for, in milliseconds of the store's time. */
export const LEASE_LIFE_MS = 1_000;
/** Added to what has passed, with a thousandth of it: clocks are read at slightly different moments, and run at slightly different rates. */
const CLOCK_MARGIN_MS = 5;
/** Most tenants with an account; while all of them ask, one more is decided strictly. */
const MAX_ACCOUNTS = 100_000;
/** Accounts that are looked at for an idle one when a tenant needs one and none is free. */
const LOOKS_FOR_IDLE = 8;

/** What it needs. */
export interface LeasePoolParts {
  /** Gives back what is left. */
  readonly store: CounterStore;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'leased'>;
}

/** What a request under these settings may spend from, and what is known of the windows. */
export interface Spent {
  readonly plan: WindowPlan;
  /** The windows before the cost, with this process's own unspent units counted as free. */
  readonly windows: readonly CountedWindow[];
  /** The store's time now, as far as it can be told. */
  readonly timeMs: number;
  readonly resetNumber: number;
}

/** What a request that goes to the store carries for the pool. */
export interface Wish {
  readonly take: number;
  readonly settle: Settlement | undefined;
}

interface Lease {
  /** The settings that it was taken under, by identity: a change ends it. */
  readonly settings: object;
  readonly plan: WindowPlan;
  readonly reply: DecidedReply;
  readonly sentAt: Instant;
  readonly generation: number;
  readonly endsAtMs: number;
  rest: number;
}

interface Account {
  readonly demand: DemandRate;
  isTaking: boolean;
  /** Units of the last lease that the request which is taking gives back; undefined: none. */
  returning: number | undefined;
  lease: Lease | undefined;
}

/** Both clocks: neither alone notices every way in which a process can stand still. */
interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** See the head of this file. */
export class LeasePool {
  readonly #parts: LeasePoolParts;
  readonly #accounts = new Map<string, Account>();
  /** Leases in the order of their taking, which is nearly that of their ends; some have ended since. */
  readonly #taken: { readonly tenantId: string; readonly account: Account; readonly lease: Lease }[] = [];
  readonly #returning = new Set<Promise<unknown>>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(parts: LeasePoolParts) {
    this.#parts = parts;
  }

  /** Spends the whole cost from the tenant's block; undefined: the store must be asked for all of it. */
  spend(tenantId: string, settings: object, cost: number): Spent | undefined {
    const account = this.#accounts.get(tenantId);
    const lease = account?.lease;
    if (account === undefined || lease === undefined) return undefined;
    const timeMs = this.#timeOf(lease);
    if (lease.settings !== settings || cost > lease.rest || timeMs >= lease.endsAtMs) return undefined;
    if (lease.generation !== this.#parts.store.generation) return undefined;
    account.demand.add(cost, this.#parts.clock.monotonicMs());
    const { windows, charged, resetNumber } = lease.reply;
    const unspent = lease.rest;
    lease.rest -= cost;
    return {
      plan: lease.plan,
      windows: windows.map((window, index) =>
        lease.plan.windows[index]?.meter === undefined ? { ...window, used: window.used + charged - unspent } : window,
      ),
      timeMs: Math.floor(timeMs),
      resetNumber,
    };
  }

  /** What a request that must ask the store should ask for beside its own cost; undefined: nothing. */
  wish(tenantId: string, cost: number): Wish | undefined {
    if (this.#isClosed) return undefined;
    const account = this.#accounts.get(tenantId) ?? this.#open(tenantId);
    if (account === undefined) return undefined;
    const now = this.#parts.clock.monotonicMs();
    account.demand.add(cost, now);
    if (account.isTaking) return undefined;
    account.isTaking = true;
    const settle = this.#end(account);
    account.returning = settle?.rest;
    return { take: account.demand.unitsWithin(LEASE_LIFE_MS, now), settle };
  }

  /** The request that carried the wish was decided. */
  taken(tenantId: string, settings: object, plan: WindowPlan, sentAt: Instant, reply: DecidedReply): void {
    const account = this.#accounts.get(tenantId);
    if (account === undefined) return;
    this.#endTaking(account, 'returned');
    if (reply.block === 0) return;
    this.#parts.observer.leased('taken', reply.block);
    const lease = {
      settings,
      plan,
      reply,
      sentAt,
      rest: reply.block,
      generation: this.#parts.store.generation,
      endsAtMs: Math.min(reply.timeMs + LEASE_LIFE_MS, ...reply.windows.map((window) => window.end)),
    };
    account.lease = lease;
    // Its request was under way when everything else was given back.
    if (this.#isClosed) {
      this.#giveBack(tenantId, account);
      return;
    }
    this.#taken.push({ tenantId, account, lease });
    this.#arm();
  }

  /** The request that carried the wish was not decided. */
  failed(tenantId: string): void {
    const account = this.#accounts.get(tenantId);
    if (account !== undefined) this.#endTaking(account, 'burned');
  }

  /** Both clocks now: to be read before the request that carries a wish is sent. */
  now(): Instant {
    return { monotonicMs: this.#parts.clock.monotonicMs(), wallMs: this.#parts.clock.wallMs() };
  }

  /** Gives everything back that is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const [tenantId, account] of this.#accounts) this.#giveBack(tenantId, account);
    await Promise.allSettled(this.#returning);
  }

  /** The store's time now: what it was at the taking and the longer of what both clocks say has passed since it was sent. */
  #timeOf({ reply, sentAt }: Lease): number {
    const { monotonicMs, wallMs } = this.now();
    const passed = Math.max(0, monotonicMs - sentAt.monotonicMs, wallMs - sentAt.wallMs);
    return reply.timeMs + passed + CLOCK_MARGIN_MS + passed / 1000;
  }

  #open(tenantId: string): Account | undefined {
    if (this.#accounts.size >= MAX_ACCOUNTS) this.#forgetIdle();
    if (this.#accounts.size >= MAX_ACCOUNTS) return undefined;
    const account: Account = { demand: new DemandRate(), isTaking: false, returning: undefined, lease: undefined };
    this.#accounts.set(tenantId, account);
    return account;
  }

  #forgetIdle(): void {
    const now = this.#parts.clock.monotonicMs();
    let looks = LOOKS_FOR_IDLE;
    for (const [tenantId, { demand, isTaking, lease }] of this.#accounts) {
      if (lease === undefined && !isTaking && demand.isIdle(now)) this.#accounts.delete(tenantId);
      looks -= 1;
      if (looks === 0) return;
    }
  }

  /** Ends the account's lease and tells what goes back: nothing after an error of the store, which may have forgotten the taking. */
  #end(account: Account): Settlement | undefined {
    const { lease } = account;
    account.lease = undefined;
    if (lease === undefined) return undefined;
    if (lease.generation !== this.#parts.store.generation) {
      this.#parts.observer.leased('burned', lease.rest);
      return undefined;
    }
    const { incarnation, block, windows } = lease.reply;
    const charged = lease.plan.windows.flatMap(({ field, meter }, index) =>
      meter === undefined ? [{ field, start: windows[index]?.start ?? 0 }] : [],
    );
    return { incarnation, block, rest: lease.rest, windows: charged };
  }

  /** What became of the units that went back with the request that was taking. */
  #endTaking(account: Account, event: 'returned' | 'burned'): void {
    account.isTaking = false;
    if (account.returning !== undefined) this.#parts.observer.leased(event, account.returning);
    account.returning = undefined;
  }

  #giveBack(tenantId: string, account: Account): void {
    const resetNumber = account.lease?.reply.resetNumber ?? 0;
    const settle = this.#end(account);
    if (settle === undefined) return;
    // Once: whatever becomes of it, it is not sent again.
    const returned = Promise.resolve(
      this.#parts.store.charge({ tenantId, costs: [], windows: [], resetNumber, settle }),
    );
    const over = returned.then(
      ({ outcome }) => this.#parts.observer.leased(outcome === 'decided' ? 'returned' : 'burned', settle.rest),
      () => this.#parts.observer.leased('burned', settle.rest),
    );
    this.#returning.add(over);
    void over.finally(() => this.#returning.delete(over));
  }

  #arm(): void {
    const first = this.#taken[0];
    if (this.#timer !== undefined || this.#isClosed || first === undefined) return;
    const waitMs = Math.max(1, Math.ceil(first.lease.endsAtMs - this.#timeOf(first.lease)));
    this.#timer = setTimeout(() => this.#returnEnded(), waitMs);
    this.#timer.unref();
  }

  /** Gives back what nobody has spent or given back by the end. */
  #returnEnded(): void {
    this.#timer = undefined;
    while (this.#taken[0] !== undefined) {
      const { tenantId, account, lease } = this.#taken[0];
      const isOver = account.lease !== lease;
      if (!isOver && this.#timeOf(lease) < lease.endsAtMs) break;
      this.#taken.shift();
      if (!isOver) this.#giveBack(tenantId, account);
    }
    this.#arm();
  }
}
