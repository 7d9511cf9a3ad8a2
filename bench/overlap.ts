// Producers that touch the same rows all the time: the same tenants, days, users, seconds of storage and keys, each in a random order
// of its own, with bookings in between. What the ledger must hold afterwards is added up beside it.
import { addDays, dateAt, dayOf, type UsageDate, UTC_CALENDAR } from '../src/core/time/calendar.js';
import { dayBit, monthOf } from '../src/core/usage/activeDays.js';
import {
  integrateDay,
  type StorageDay,
  type StorageLevel,
  type StoragePoint,
} from '../src/core/usage/storageIntegral.js';
import type { EventRow, StorageChange } from '../src/ports/usageBookings.js';
import type {
  ActiveUserRow,
  CallRow,
  ChargeRow,
  CommitRow,
  MeterRow,
  StoragePointRow,
  UsageSums,
} from '../src/ports/usageLedger.js';
import { uuidAt } from '../src/testing/usageLedgerCase.js';
import { hashOf } from './batches.js';
import { seededRandom } from './traffic.js';

/** Closed days, recent enough for storage. */
const FIRST = addDays(dateAt(Date.now(), UTC_CALENDAR), -3);
const DATES: readonly UsageDate[] = [FIRST, addDays(FIRST, 1), addDays(FIRST, 2)];
const USERS = 10;
/** Seconds of a day that storage is reported for, and keys of a tenant. */
const SECONDS = 60;
const KEYS = 40;
/** Rows of a kind in a batch. */
const ROWS = { calls: 12, charges: 12, users: 12, storage: 2, commits: 4, meters: 6, levels: 1, events: 6 };

/** What the ledger must say of one tenant. */
export interface Expected {
  readonly days: readonly {
    readonly usageDate: UsageDate;
    readonly apiCalls: number;
    readonly activeUsers: number;
    readonly storage?: StorageDay;
  }[];
  readonly units: number;
  /** By day: of a counter what was metered and what its quota admitted, and of a level its day. */
  readonly meters: readonly {
    readonly usageDate: UsageDate;
    readonly meter: string;
    readonly amount: number;
    readonly level?: StorageDay;
  }[];
}

/** See the head of this file. */
export class Overlap {
  readonly firstDate = FIRST;
  readonly lastDate = addDays(FIRST, DATES.length - 1);
  readonly tenants: readonly string[];
  readonly #random: () => number;
  readonly #calls = new Map<string, number>();
  readonly #units = new Map<string, number>();
  readonly #users = new Map<string, Set<string>>();
  readonly #tokens = new Map<string, number>();
  readonly #seats = new Map<string, Map<number, StoragePoint>>();
  readonly #sets = new Map<string, Map<number, StoragePoint>>();
  readonly #adds = new Map<string, Map<number, number>>();
  readonly #keys = new Set<string>();
  #made = 0;

  /** `name` makes its tenants its own. */
  constructor(name: string, tenants: number, seed: number) {
    this.tenants = Array.from({ length: tenants }, (_, index) => `${name}-${index}`);
    this.#random = seededRandom(seed);
  }

  /** The next batch, counted as if it were applied once. */
  nextSums(): Partial<UsageSums> {
    return {
      calls: this.#distinct(ROWS.calls, () => this.#call()),
      charges: this.#distinct(ROWS.charges, () => this.#charge()),
      users: this.#distinct(ROWS.users, () => this.#user()),
      storage: Array.from({ length: ROWS.storage }, () => this.#level(this.#sets)),
      meters: this.#distinct(ROWS.meters, () => this.#amount()),
      levels: Array.from({ length: ROWS.levels }, () => ({ ...this.#level(this.#seats), meter: 'seats' })),
      commits: this.#distinct(ROWS.commits, () => this.#commit()),
    };
  }

  /** Events, some of them booked before. */
  nextEvents(): EventRow[] {
    return Array.from({ length: ROWS.events }, () => {
      const tenantId = this.#tenant();
      const { key, number, isNew } = this.#key('event', tenantId);
      const usageDate = DATES[number % DATES.length] ?? FIRST;
      const userHash = hashOf(`${tenantId} ${number % USERS}`);
      if (isNew) {
        add(this.#calls, `${tenantId} ${usageDate}`, 1);
        this.#active(tenantId, usageDate, number % USERS);
      }
      return { tenantId, key, usageDate, apiCalls: 1, userHash, meter: '', amount: 0, level: undefined };
    });
  }

  /** A change of a storage level. */
  nextChange(): StorageChange {
    const tenantId = this.#tenant();
    const atSeconds = this.#second();
    this.#made += 1;
    const key = hashOf(`change ${tenantId} ${this.#made}`);
    const seconds = mapOf(this.#adds, tenantId);
    seconds.set(atSeconds, (seconds.get(atSeconds) ?? 0) + 5);
    return { tenantId, key, content: key, atMs: atSeconds * 1000, bytes: 5 };
  }

  /** What the ledger must say now. */
  expected(tenantId: string): Expected {
    let level: StorageLevel | undefined;
    const days = DATES.flatMap((usageDate) => {
      const apiCalls = this.#calls.get(`${tenantId} ${usageDate}`);
      const activeUsers = this.#users.get(`${tenantId} ${usageDate}`)?.size ?? 0;
      const storage = this.#storageOf(tenantId, usageDate, level);
      if (storage !== undefined) level = { bytes: storage.lastBytes, atSeconds: storage.lastAtSeconds };
      if (apiCalls === undefined && activeUsers === 0 && storage === undefined) return [];
      return [{ usageDate, apiCalls: apiCalls ?? 0, activeUsers, ...(storage === undefined ? {} : { storage }) }];
    });
    return { days, units: this.#units.get(tenantId) ?? 0, meters: this.#metersOf(tenantId) };
  }

  #metersOf(tenantId: string): Expected['meters'] {
    let level: StorageLevel | undefined;
    return DATES.flatMap((usageDate) => {
      const seats = integrated([...(this.#seats.get(tenantId)?.values() ?? [])], usageDate, level);
      if (seats !== undefined) level = { bytes: seats.lastBytes, atSeconds: seats.lastAtSeconds };
      const amount = this.#tokens.get(`${tenantId} ${usageDate}`);
      return [
        ...(seats === undefined ? [] : [{ usageDate, meter: 'seats', amount: 0, level: seats }]),
        ...(amount === undefined ? [] : [{ usageDate, meter: 'tokens', amount }]),
      ];
    });
  }

  #amount(): [name: string, row: () => MeterRow] {
    const [tenantId, usageDate] = [this.#tenant(), this.#date()];
    return [
      `${tenantId} ${usageDate}`,
      () => {
        add(this.#tokens, `${tenantId} ${usageDate}`, 100);
        return { tenantId, usageDate, meter: 'tokens', amount: 100 };
      },
    ];
  }

  #call(): [name: string, row: () => CallRow] {
    const [tenantId, usageDate] = [this.#tenant(), this.#date()];
    const apiCalls = 1 + this.#below(5);
    return [
      `${tenantId} ${usageDate}`,
      () => {
        add(this.#calls, `${tenantId} ${usageDate}`, apiCalls);
        return { tenantId, usageDate, apiCalls };
      },
    ];
  }

  #charge(): [name: string, row: () => ChargeRow] {
    const [tenantId, usageDate] = [this.#tenant(), this.#date()];
    const units = 1 + this.#below(5);
    // What the quota admits of an own meter is that meter's usage too.
    const meter = this.#below(4) === 0 ? 'tokens' : '';
    return [
      `${tenantId} ${usageDate} ${meter}`,
      () => {
        if (meter === '') add(this.#units, tenantId, units);
        else add(this.#tokens, `${tenantId} ${usageDate}`, units);
        return { tenantId, usageDate, meter, resetNumber: 0, units, denied: 1, unconfirmed: 0, overage: 0 };
      },
    ];
  }

  #user(): [name: string, row: () => ActiveUserRow] {
    const [tenantId, usageDate, user] = [this.#tenant(), this.#date(), this.#below(USERS)];
    return [
      `${tenantId} ${user} ${monthOf(usageDate)}`,
      () => {
        this.#active(tenantId, usageDate, user);
        const userHash = hashOf(`${tenantId} ${user}`);
        return { tenantId, month: monthOf(usageDate), userHash, dayMask: dayBit(usageDate) };
      },
    ];
  }

  #level(known: Map<string, Map<number, StoragePoint>>): StoragePointRow {
    const tenantId = this.#tenant();
    const atSeconds = this.#second();
    this.#made += 1;
    // Ids in the order in which they are made: of two in one second the later id wins, whoever comes first.
    const id = uuidAt(Date.now(), this.#made.toString(16).padStart(18, '0'));
    const point = { atSeconds, bytes: 1_000 + this.#below(1_000), id };
    const levels = mapOf(known, tenantId);
    if ((levels.get(atSeconds)?.id ?? '') < id) levels.set(atSeconds, point);
    return { tenantId, ...point };
  }

  #commit(): [name: string, row: () => CommitRow] {
    const tenantId = this.#tenant();
    const { key, number, isNew } = this.#key('commit', tenantId);
    return [
      `${tenantId} ${number}`,
      () => {
        const units = 1 + (number % 7);
        const usageDate = DATES[number % DATES.length] ?? FIRST;
        if (isNew) {
          add(this.#units, tenantId, units);
          add(this.#calls, `${tenantId} ${usageDate}`, 1);
        }
        return { tenantId, usageDate, meter: '', resetNumber: 0, units, apiCalls: 1, key };
      },
    ];
  }

  /** One of a tenant's keys, and whether it was never seen before: it is now. */
  #key(kind: string, tenantId: string): { key: Buffer; number: number; isNew: boolean } {
    const number = this.#below(KEYS);
    const name = `${kind} ${tenantId} ${number}`;
    const isNew = !this.#keys.has(name);
    this.#keys.add(name);
    return { key: hashOf(name), number, isNew };
  }

  #active(tenantId: string, usageDate: UsageDate, user: number): void {
    const name = `${tenantId} ${usageDate}`;
    this.#users.set(name, (this.#users.get(name) ?? new Set<string>()).add(String(user)));
  }

  #storageOf(tenantId: string, usageDate: UsageDate, before: StorageLevel | undefined): StorageDay | undefined {
    const changes = [...(this.#adds.get(tenantId) ?? [])].map(
      ([atSeconds, bytes]): StoragePoint => ({ atSeconds, kind: 'add', bytes, id: '' }),
    );
    return integrated([...(this.#sets.get(tenantId)?.values() ?? []), ...changes], usageDate, before);
  }

  /** Rows with names of their own. Only those that are taken count. */
  #distinct<T>(count: number, make: () => [name: string, row: () => T]): T[] {
    const rows = new Map<string, T>();
    for (let tries = 0; tries < 3 * count && rows.size < count; tries += 1) {
      const [name, row] = make();
      if (!rows.has(name)) rows.set(name, row());
    }
    return [...rows.values()];
  }

  #second(): number {
    const start = dayOf(this.#date(), UTC_CALENDAR)?.start ?? 0;
    return start / 1000 + this.#below(SECONDS) * 1_000;
  }

  #below(most: number): number {
    return Math.floor(this.#random() * most);
  }

  #tenant(): string {
    return this.tenants[this.#below(this.tenants.length)] ?? '';
  }

  #date(): UsageDate {
    return DATES[this.#below(DATES.length)] ?? FIRST;
  }
}

/** A day of a level; undefined where no point lies in it. */
function integrated(
  all: readonly StoragePoint[],
  usageDate: UsageDate,
  before: StorageLevel | undefined,
): StorageDay | undefined {
  const day = dayOf(usageDate, UTC_CALENDAR);
  if (day === undefined) return undefined;
  const points = all.filter(({ atSeconds }) => atSeconds * 1000 >= day.start && atSeconds * 1000 < day.end);
  return points.length === 0 ? undefined : integrateDay(points, before, day);
}

const add = (sums: Map<string, number>, name: string, amount: number): void =>
  void sums.set(name, (sums.get(name) ?? 0) + amount);

function mapOf<T>(maps: Map<string, Map<number, T>>, tenantId: string): Map<number, T> {
  const present = maps.get(tenantId) ?? new Map<number, T>();
  maps.set(tenantId, present);
  return present;
}
