// What was used, added up: by tenant, day and what the ledger keeps apart. The one form in which usage waits, in memory and on
// disk, before it is rows. Grows with tenants, days and users, never with requests. Adding up has laws (increments.test.ts): the
// order does not matter, and what has a key of its own (a user's day, a commit, a second's storage level) counts once.
import { saturatingSum } from '../quota/counter.js';
import { MAX_COUNT } from '../quota/limit.js';
import type { UsageDate } from '../time/calendar.js';

/** What the quota did, in numbers. */
export interface ChargeAmounts {
  units: number;
  denied: number;
  unconfirmed: number;
  overage: number;
}

/** What the quota did under one meter and reset number. */
export interface ChargeIncrement extends ChargeAmounts {
  readonly meter: string;
  readonly resetNumber: number;
}

/** What one tenant used on one day. */
export interface DayIncrements {
  apiCalls: number;
  /** One for each meter and reset number: nearly always one. */
  readonly charges: ChargeIncrement[];
  /** By their own ids: hashed when they become rows, since the key is the ledger's. */
  users: Set<string> | undefined;
}

/** A storage level from an instant on. */
export interface StorageIncrement {
  readonly atSeconds: number;
  readonly bytes: number;
  /** UUIDv7: of two in one second the later id wins. */
  readonly id: string;
}

/** Units that count once by their key. */
export interface CommitIncrement {
  readonly usageDate: UsageDate;
  readonly meter: string;
  readonly resetNumber: number;
  readonly units: number;
  /** 16 bytes in hex. */
  readonly key: string;
}

/** Everything of one tenant. */
export interface TenantIncrements {
  readonly days: Map<UsageDate, DayIncrements>;
  readonly storage: Map<number, StorageIncrement>;
  readonly commits: Map<string, CommitIncrement>;
}

/** See the head of this file. */
export class UsageIncrements {
  readonly tenants = new Map<string, TenantIncrements>();
  readonly #onSaturated: (what: string) => void;
  #rows = 0;

  /** `onSaturated` is told which sum reached 2^53-1, where it stays. */
  constructor(onSaturated: (what: string) => void = () => {}) {
    this.#onSaturated = onSaturated;
  }

  /** Distinct (tenant, day, meter, reset number) rows, users' days, storage points and commits. */
  get rows(): number {
    return this.#rows;
  }

  addCalls(tenantId: string, usageDate: UsageDate, count: number): void {
    const day = this.#day(tenantId, usageDate);
    day.apiCalls = this.#sum('apiCalls', day.apiCalls, count);
  }

  addCharge(
    tenantId: string,
    usageDate: UsageDate,
    { meter, resetNumber, units, denied, unconfirmed, overage }: ChargeIncrement,
  ): void {
    const { charges } = this.#day(tenantId, usageDate);
    const present = charges.find((one) => one.meter === meter && one.resetNumber === resetNumber);
    if (present === undefined) {
      // The day's row counts for its first charge.
      if (charges.length > 0) this.#rows += 1;
      charges.push({ meter, resetNumber, units, denied, unconfirmed, overage });
      return;
    }
    present.units = this.#sum('units', present.units, units);
    present.denied = this.#sum('denied', present.denied, denied);
    present.unconfirmed = this.#sum('unconfirmed', present.unconfirmed, unconfirmed);
    present.overage = this.#sum('overage', present.overage, overage);
  }

  addUser(tenantId: string, usageDate: UsageDate, userId: string): void {
    const day = this.#day(tenantId, usageDate);
    day.users ??= new Set();
    if (day.users.has(userId)) return;
    day.users.add(userId);
    this.#rows += 1;
  }

  addStorage(tenantId: string, point: StorageIncrement): void {
    const { storage } = this.#tenant(tenantId);
    const present = storage.get(point.atSeconds);
    if (present !== undefined && present.id >= point.id) return;
    if (present === undefined) this.#rows += 1;
    storage.set(point.atSeconds, point);
  }

  addCommit(tenantId: string, commit: CommitIncrement): void {
    const { commits } = this.#tenant(tenantId);
    if (commits.has(commit.key)) return;
    commits.set(commit.key, commit);
    this.#rows += 1;
  }

  /** Adds all of `others`, which stay as they are. */
  addAll(others: UsageIncrements): void {
    for (const [tenantId, { days, storage, commits }] of others.tenants) {
      for (const [usageDate, { apiCalls, charges, users }] of days) {
        this.addCalls(tenantId, usageDate, apiCalls);
        for (const charge of charges) this.addCharge(tenantId, usageDate, charge);
        for (const userId of users ?? []) this.addUser(tenantId, usageDate, userId);
      }
      for (const point of storage.values()) this.addStorage(tenantId, point);
      for (const commit of commits.values()) this.addCommit(tenantId, commit);
    }
  }

  /** The same in portions of at most `mostRows`, but that the charges of a tenant's day stay together. A tenant may be in several. */
  *portions(mostRows: number): Generator<UsageIncrements> {
    let portion = new UsageIncrements();
    for (const [tenantId, { days, storage, commits }] of this.tenants) {
      const steps = portionSteps(tenantId, days, storage, commits);
      for (const step of steps) {
        step(portion);
        if (portion.rows < mostRows) continue;
        yield portion;
        portion = new UsageIncrements();
      }
    }
    if (portion.rows > 0) yield portion;
  }

  #sum(what: string, present: number, amount: number): number {
    const sum = saturatingSum(present, amount);
    if (sum === MAX_COUNT) this.#onSaturated(what);
    return sum;
  }

  #day(tenantId: string, usageDate: UsageDate): DayIncrements {
    const { days } = this.#tenant(tenantId);
    let day = days.get(usageDate);
    if (day === undefined) {
      day = { apiCalls: 0, charges: [], users: undefined };
      days.set(usageDate, day);
      this.#rows += 1;
    }
    return day;
  }

  #tenant(tenantId: string): TenantIncrements {
    let tenant = this.tenants.get(tenantId);
    if (tenant === undefined) {
      tenant = { days: new Map(), storage: new Map(), commits: new Map() };
      this.tenants.set(tenantId, tenant);
    }
    return tenant;
  }
}

/** One tenant, in the smallest pieces that may be parted. */
function* portionSteps(
  tenantId: string,
  days: TenantIncrements['days'],
  storage: TenantIncrements['storage'],
  commits: TenantIncrements['commits'],
): Generator<(portion: UsageIncrements) => void> {
  for (const [usageDate, { apiCalls, charges, users }] of days) {
    yield (portion) => {
      portion.addCalls(tenantId, usageDate, apiCalls);
      for (const charge of charges) portion.addCharge(tenantId, usageDate, charge);
    };
    for (const userId of users ?? []) yield (portion) => portion.addUser(tenantId, usageDate, userId);
  }
  for (const point of storage.values()) yield (portion) => portion.addStorage(tenantId, point);
  for (const commit of commits.values()) yield (portion) => portion.addCommit(tenantId, commit);
}
