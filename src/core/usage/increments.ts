// What was used, added up: by tenant, day and what the ledger keeps apart. The one form in which usage waits, in memory and on
// disk, before it is rows. Grows with tenants, days and users, never with requests. Adding up has laws (increments.test.ts): the
// order does not matter, and what has a key of its own (a user's day, a commit, a second's level) counts once.
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
  /** Amounts of the team's own counters, by meter. */
  meters: Map<string, number> | undefined;
}

/** A storage level from an instant on. */
export interface StorageIncrement {
  readonly atSeconds: number;
  readonly bytes: number;
  /** UUIDv7: of two in one second the later id wins. */
  readonly id: string;
}

/** A level of one of the team's own meters from an instant on: in `bytes`, as storage has it, since the same rules integrate both. */
export interface LevelIncrement extends StorageIncrement {
  readonly meter: string;
}

/** Usage that no quota decided and that counts once by its key, whoever tells of it again. */
export interface KeyedIncrement {
  readonly usageDate: UsageDate;
  readonly apiCalls: number;
  /** '' where it is of none. Of a counter there is an amount, of a level a point. */
  readonly meter: string;
  readonly amount: number;
  readonly level: StorageIncrement | undefined;
  /** 16 bytes in hex. */
  readonly key: string;
}

/** What counts once by its key. */
export interface CommitIncrement {
  readonly usageDate: UsageDate;
  readonly meter: string;
  readonly resetNumber: number;
  readonly units: number;
  /** @defaultValue 0 */
  readonly apiCalls?: number | undefined;
  /** @defaultValue 0 */
  readonly overage?: number | undefined;
  /** 16 bytes in hex. */
  readonly key: string;
}

/** Everything of one tenant. */
export interface TenantIncrements {
  readonly days: Map<UsageDate, DayIncrements>;
  readonly storage: Map<number, StorageIncrement>;
  readonly commits: Map<string, CommitIncrement>;
  /** By meter and second. */
  levels: Map<string, LevelIncrement> | undefined;
  keyed: Map<string, KeyedIncrement> | undefined;
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

  /** Distinct (tenant, day, meter, reset number) rows, users' days, levels, commits and whatever else has a key. */
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

  addMeter(tenantId: string, usageDate: UsageDate, meter: string, amount: number): void {
    const day = this.#day(tenantId, usageDate);
    day.meters ??= new Map();
    const present = day.meters.get(meter);
    if (present === undefined) this.#rows += 1;
    day.meters.set(meter, this.#sum(meter, present ?? 0, amount));
  }

  addStorage(tenantId: string, point: StorageIncrement): void {
    this.#addPoint(this.#tenant(tenantId).storage, point.atSeconds, point);
  }

  addLevel(tenantId: string, point: LevelIncrement): void {
    const tenant = this.#tenant(tenantId);
    tenant.levels ??= new Map();
    this.#addPoint(tenant.levels, `${point.meter} ${point.atSeconds}`, point);
  }

  /** Of two levels in one second the later id wins. */
  #addPoint<Key, Point extends StorageIncrement>(points: Map<Key, Point>, key: Key, point: Point): void {
    const present = points.get(key);
    if (present !== undefined && present.id >= point.id) return;
    if (present === undefined) this.#rows += 1;
    points.set(key, point);
  }

  addCommit(tenantId: string, commit: CommitIncrement): void {
    const { commits } = this.#tenant(tenantId);
    if (commits.has(commit.key)) return;
    commits.set(commit.key, commit);
    this.#rows += 1;
  }

  addKeyed(tenantId: string, use: KeyedIncrement): void {
    const tenant = this.#tenant(tenantId);
    tenant.keyed ??= new Map();
    if (tenant.keyed.has(use.key)) return;
    tenant.keyed.set(use.key, use);
    this.#rows += 1;
  }

  /** Adds all of `others`, which stay as they are. */
  addAll(others: UsageIncrements): void {
    for (const [tenantId, { days, storage, commits, levels, keyed }] of others.tenants) {
      for (const [usageDate, { apiCalls, charges, users, meters }] of days) {
        this.addCalls(tenantId, usageDate, apiCalls);
        for (const charge of charges) this.addCharge(tenantId, usageDate, charge);
        for (const userId of users ?? []) this.addUser(tenantId, usageDate, userId);
        for (const [meter, amount] of meters ?? []) this.addMeter(tenantId, usageDate, meter, amount);
      }
      for (const point of storage.values()) this.addStorage(tenantId, point);
      for (const commit of commits.values()) this.addCommit(tenantId, commit);
      for (const point of levels?.values() ?? []) this.addLevel(tenantId, point);
      for (const use of keyed?.values() ?? []) this.addKeyed(tenantId, use);
    }
  }

  /** The same in portions of at most `mostRows`, but that the charges of a tenant's day stay together. A tenant may be in several. */
  *portions(mostRows: number): Generator<UsageIncrements> {
    let portion = new UsageIncrements();
    for (const [tenantId, ofTenant] of this.tenants) {
      for (const step of portionSteps(tenantId, ofTenant)) {
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
      day = { apiCalls: 0, charges: [], users: undefined, meters: undefined };
      days.set(usageDate, day);
      this.#rows += 1;
    }
    return day;
  }

  #tenant(tenantId: string): TenantIncrements {
    let tenant = this.tenants.get(tenantId);
    if (tenant === undefined) {
      tenant = {
        ...{ days: new Map(), storage: new Map(), commits: new Map() },
        ...{ levels: undefined, keyed: undefined },
      };
      this.tenants.set(tenantId, tenant);
    }
    return tenant;
  }
}

/** One tenant, in the smallest pieces that may be parted. */
function* portionSteps(
  tenantId: string,
  { days, storage, commits, levels, keyed }: TenantIncrements,
): Generator<(portion: UsageIncrements) => void> {
  for (const [usageDate, { apiCalls, charges, users, meters }] of days) {
    yield (portion) => {
      portion.addCalls(tenantId, usageDate, apiCalls);
      for (const charge of charges) portion.addCharge(tenantId, usageDate, charge);
    };
    for (const userId of users ?? []) yield (portion) => portion.addUser(tenantId, usageDate, userId);
    for (const [meter, amount] of meters ?? []) {
      yield (portion) => portion.addMeter(tenantId, usageDate, meter, amount);
    }
  }
  for (const point of storage.values()) yield (portion) => portion.addStorage(tenantId, point);
  for (const commit of commits.values()) yield (portion) => portion.addCommit(tenantId, commit);
  for (const point of levels?.values() ?? []) yield (portion) => portion.addLevel(tenantId, point);
  for (const use of keyed?.values() ?? []) yield (portion) => portion.addKeyed(tenantId, use);
}
