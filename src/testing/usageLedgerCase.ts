// What a conformance case of the usage ledger is, and the few moves that all of them make. Cases use tenants, producers and
// logs that nobody else has, so they may share one ledger; they learn its clock from the ids it makes.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { type ErrorCode, hasCode } from '../core/errors.js';
import { dateAt, type UsageDate, UTC_CALENDAR } from '../core/time/calendar.js';
import {
  type CallRow,
  type LedgerDay,
  NO_SUMS,
  type UsageBatch,
  type UsageLedger,
  type UsageSums,
} from '../ports/usageLedger.js';

/** Gives a handle on one and the same ledger, as another process would have: its tables are there, whatever is in them. */
export type MakeUsageLedger = () => UsageLedger | Promise<UsageLedger>;

/** One guarantee of the port, as a run that throws where it does not hold. Needs no test framework. */
export interface UsageLedgerCase {
  /** The guarantee, in words. */
  readonly name: string;
  /** Rejects with node:assert's AssertionError where the guarantee is broken. */
  run(makeLedger: MakeUsageLedger): Promise<void>;
}

/** A case from what it does with a ledger. */
export const caseOf = (name: string, body: (given: CaseLedger) => Promise<void>): UsageLedgerCase => ({
  name,
  run: async (makeLedger) => body(new CaseLedger(await makeLedger(), makeLedger)),
});

export { NO_SUMS };

/** A tenant id that no other case and no earlier run has used. */
export const freshTenant = (): string => `case-${randomUUID()}`;

/** A user's hash. */
export const freshHash = (): Buffer => randomBytes(16);

/** Calls of a tenant on a day. */
export const callsOf = (tenantId: string, usageDate: UsageDate, apiCalls: number): CallRow => ({
  tenantId,
  usageDate,
  apiCalls,
});

/** Asserts that `work` rejects with one of our errors that carries `code`. */
export async function rejectsWith(code: ErrorCode, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => hasCode(error, code));
}

const HOLDER = { host: 'case', pid: 1 };

/** The ledger of one case. */
export class CaseLedger {
  readonly ledger: UsageLedger;
  readonly #makeLedger: MakeUsageLedger;

  constructor(ledger: UsageLedger, makeLedger: MakeUsageLedger) {
    this.ledger = ledger;
    this.#makeLedger = makeLedger;
  }

  /** Further handles, as of other processes. */
  others(count: number): Promise<UsageLedger[]> {
    return Promise.all(Array.from({ length: count }, () => this.#makeLedger()));
  }

  /** A producer that is registered and stands at 0. */
  async producer(): Promise<string> {
    const producerId = await this.ledger.newProducerId();
    assert.equal(await this.ledger.registerProducer(producerId, HOLDER), 'registered');
    return producerId;
  }

  /** Applies `sums` once, by a producer of its own. */
  async apply(sums: Partial<UsageSums>): Promise<void> {
    const batch = batchOf(await this.producer(), 0, 1, sums);
    assert.deepEqual(await this.ledger.apply(batch), { outcome: 'applied' });
  }

  /** The ledger's clock, in milliseconds since 1970. */
  async now(): Promise<number> {
    return instantOf(await this.ledger.newProducerId());
  }

  /** The date some days before today (UTC), and its first instant in seconds. Old points of storage are refused, so dates move. */
  async dayBefore(days: number): Promise<{ readonly date: UsageDate; readonly startsAt: number }> {
    const dayMs = 86_400_000;
    const start = Math.floor((await this.now()) / dayMs) * dayMs - days * dayMs;
    return { date: dateAt(start, UTC_CALENDAR), startsAt: start / 1000 };
  }

  /** What the ledger knows of one day, undefined where it has no row. */
  async day(tenantId: string, date: UsageDate): Promise<LedgerDay | undefined> {
    return (await this.ledger.readUsage(tenantId, date, date)).days[0];
  }

  /** API calls of one day. */
  async calls(tenantId: string, date: UsageDate): Promise<number> {
    return (await this.day(tenantId, date))?.apiCalls ?? 0;
  }
}

/** A batch of the records `from + 1 .. to`. */
export const batchOf = (producerId: string, from: number, to: number, sums: Partial<UsageSums>): UsageBatch => ({
  ...NO_SUMS,
  ...sums,
  producerId,
  from,
  to,
});

/** The instant in a UUIDv7's first 48 bits, in milliseconds since 1970. */
export const instantOf = (uuid: string): number => Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16);

/** A UUIDv7 of an instant. */
export function uuidAt(instantMs: number, rest: string = randomBytes(9).toString('hex')): string {
  const hex = instantMs.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${rest.slice(0, 3)}-8${rest.slice(3, 6)}-${rest.slice(6, 18)}`;
}
