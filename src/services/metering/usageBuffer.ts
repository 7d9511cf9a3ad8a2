// The open sums: what was used and is in no batch yet. Grows with active tenants, days and users, never with requests.

import { saturatingSum } from '../../core/quota/counter.js';
import { MAX_COUNT } from '../../core/quota/limit.js';
import type { UsageDate } from '../../core/time/calendar.js';
import { dayBit, monthOf, userHashOf } from '../../core/usage/activeDays.js';
import type {
  ActiveUserRow,
  CallRow,
  ChargeRow,
  CommitRow,
  StoragePointRow,
  UsageSums,
} from '../../ports/usageLedger.js';

/** What the quota did under one meter and reset number. */
interface ChargeSums {
  readonly meter: string;
  readonly resetNumber: number;
  units: number;
  denied: number;
  unconfirmed: number;
  overage: number;
}

/** What one tenant used on one day. */
interface DaySums {
  apiCalls: number;
  /** One for each meter and reset number: nearly always one. */
  charges: ChargeSums[];
  /** Users by their own id; hashed when a batch is sealed, so that a user seen before costs a look-up. */
  users: Set<string> | undefined;
}

/** What is not yet sealed of one tenant. */
interface TenantSums {
  /** Ascending in the order in which the tenants began to wait. */
  readonly number: number;
  readonly days: Map<UsageDate, DaySums>;
  /** The last point of each second: of two in one second the later one wins anyway. */
  readonly storage: Map<number, StoragePointRow>;
  /** By key: a repeat is the same commit. */
  readonly commits: Map<string, CommitRow>;
}

/** Amounts that a charge can gain. */
export type ChargeAmounts = Partial<Pick<ChargeRow, 'units' | 'denied' | 'unconfirmed' | 'overage'>>;

/** See the head of this file. */
export class UsageBuffer {
  readonly #tenants = new Map<string, TenantSums>();
  readonly #onSaturated: (what: string) => void;
  #rows = 0;
  #lastNumber = 0;

  constructor(onSaturated: (what: string) => void) {
    this.#onSaturated = onSaturated;
  }

  /** Distinct (tenant, day, meter, reset number) rows, users, storage points and commits that wait. */
  get rows(): number {
    return this.#rows;
  }

  /** Whether anything of the tenant waits. */
  has(tenantId: string): boolean {
    return this.#tenants.has(tenantId);
  }

  addCalls(tenantId: string, usageDate: UsageDate, count: number): void {
    const day = this.#day(tenantId, usageDate);
    day.apiCalls = this.#sum('apiCalls', day.apiCalls, count);
  }

  addCharge(
    key: Pick<ChargeRow, 'tenantId' | 'usageDate' | 'meter' | 'resetNumber'>,
    { units = 0, denied = 0, unconfirmed = 0, overage = 0 }: ChargeAmounts,
  ): void {
    const { charges } = this.#day(key.tenantId, key.usageDate);
    const { meter, resetNumber } = key;
    const present = charges.find((one) => one.meter === meter && one.resetNumber === resetNumber);
    if (present === undefined) {
      if (charges.length > 0) this.#rows += 1;
      charges.push({ meter, resetNumber, units, denied, unconfirmed, overage });
      return;
    }
    present.units = this.#sum('units', present.units, units);
    present.denied = this.#sum('denied', present.denied, denied);
    present.unconfirmed = this.#sum('unconfirmed', present.unconfirmed, unconfirmed);
    present.overage = this.#sum('overage', present.overage, overage);
  }

  addCommit(commit: CommitRow): void {
    const { commits } = this.#tenant(commit.tenantId);
    const key = commit.key.toString('hex');
    if (commits.has(key)) return;
    commits.set(key, commit);
    this.#rows += 1;
  }

  addUser(tenantId: string, usageDate: UsageDate, userId: string): void {
    const day = this.#day(tenantId, usageDate);
    day.users ??= new Set();
    if (day.users.has(userId)) return;
    day.users.add(userId);
    this.#rows += 1;
  }

  addStorage(point: StoragePointRow): void {
    const { storage } = this.#tenant(point.tenantId);
    if (!storage.has(point.atSeconds)) this.#rows += 1;
    storage.set(point.atSeconds, point);
  }

  /** Stands for all that waits now: see `holdsUpTo`. */
  get mark(): number {
    return this.#lastNumber;
  }

  /** Whether anything still waits that did when `mark` was read. */
  holdsUpTo(mark: number): boolean {
    const [oldest] = this.#tenants.values();
    return oldest !== undefined && oldest.number <= mark;
  }

  /**
   * Takes the oldest sums out, tenant by tenant until `mostRows` is reached, so that one transaction stays bounded and what
   * comes in meanwhile begins anew. Users beyond it, of whom a tenant may have any number, stay and keep its place: they are
   * in the next batch. Undefined where nothing waits.
   */
  seal(mostRows: number, hashKey: Buffer): UsageSums | undefined {
    const calls: CallRow[] = [];
    const charges: ChargeRow[] = [];
    const users: ActiveUserRow[] = [];
    const storage: StoragePointRow[] = [];
    const commits: CommitRow[] = [];
    const taken = () => calls.length + charges.length + users.length + storage.length + commits.length;
    for (const [tenantId, sums] of this.#tenants) {
      const room = mostRows - taken();
      if (room <= 0) break;
      const rowsBefore = rowsOf(sums);
      for (const [usageDate, day] of sums.days) {
        if (day.apiCalls > 0) calls.push({ tenantId, usageDate, apiCalls: day.apiCalls });
        for (const sums of day.charges) charges.push({ tenantId, usageDate, ...sums });
      }
      for (const row of userRows(tenantId, takenUsers(sums.days, room), hashKey)) users.push(row);
      for (const point of sums.storage.values()) storage.push(point);
      for (const commit of sums.commits.values()) commits.push(commit);
      sums.storage.clear();
      sums.commits.clear();
      this.#rows -= rowsBefore - rowsOf(sums);
      if (sums.days.size === 0) this.#tenants.delete(tenantId);
    }
    return taken() === 0 ? undefined : { calls, charges, users, storage, commits };
  }

  #sum(what: string, present: number, amount: number): number {
    const sum = saturatingSum(present, amount);
    if (sum === MAX_COUNT) this.#onSaturated(what);
    return sum;
  }

  #day(tenantId: string, usageDate: UsageDate): DaySums {
    const { days } = this.#tenant(tenantId);
    let day = days.get(usageDate);
    if (day === undefined) {
      day = emptyDay();
      days.set(usageDate, day);
      this.#rows += 1;
    }
    return day;
  }

  #tenant(tenantId: string): TenantSums {
    let tenant = this.#tenants.get(tenantId);
    if (tenant === undefined) {
      this.#lastNumber += 1;
      tenant = { number: this.#lastNumber, days: new Map(), storage: new Map(), commits: new Map() };
      this.#tenants.set(tenantId, tenant);
    }
    return tenant;
  }
}

const emptyDay = (): DaySums => ({ apiCalls: 0, charges: [], users: undefined });

/** Takes at most `most` users out of the days, and with them every day that has none left. */
function takenUsers(days: Map<UsageDate, DaySums>, most: number): [UsageDate, string][] {
  const taken: [UsageDate, string][] = [];
  for (const [usageDate, { users }] of days) {
    for (const userId of users ?? []) {
      if (taken.length >= most) break;
      users?.delete(userId);
      taken.push([usageDate, userId]);
    }
    if (users === undefined || users.size === 0) days.delete(usageDate);
    else days.set(usageDate, { ...emptyDay(), users });
  }
  return taken;
}

/** One row a user and month: two rows of one key would be an error in one upsert. */
function userRows(tenantId: string, taken: readonly [UsageDate, string][], hashKey: Buffer): ActiveUserRow[] {
  const months = new Map<string, Map<string, number>>();
  for (const [usageDate, userId] of taken) {
    const month = monthOf(usageDate);
    const masks = months.get(month) ?? new Map<string, number>();
    months.set(month, masks);
    masks.set(userId, (masks.get(userId) ?? 0) | dayBit(usageDate));
  }
  return [...months].flatMap(([month, masks]) =>
    [...masks].map(([userId, dayMask]) => ({
      tenantId,
      month,
      userHash: userHashOf(hashKey, tenantId, userId),
      dayMask,
    })),
  );
}

function rowsOf(sums: TenantSums): number {
  let rows = sums.days.size + sums.storage.size + sums.commits.size;
  for (const day of sums.days.values()) rows += (day.users?.size ?? 0) + Math.max(0, day.charges.length - 1);
  return rows;
}
