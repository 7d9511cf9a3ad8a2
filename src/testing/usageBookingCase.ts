// What a conformance case of the bookings is. Cases use tenants and keys that nobody else has, so they may share one ledger.
import type { UsageBookings } from '../ports/usageBookings.js';
import type { UsageLedger } from '../ports/usageLedger.js';
import { CaseLedger } from './usageLedgerCase.js';

/** One ledger by its two ports, as another process would have it. */
export interface BookingStores {
  readonly ledger: UsageLedger;
  readonly bookings: UsageBookings;
}

/** Gives a handle on one and the same ledger. */
export type MakeBookingStores = () => BookingStores | Promise<BookingStores>;

/** One guarantee of the port, as a run that throws where it does not hold. Needs no test framework. */
export interface UsageBookingCase {
  /** The guarantee, in words. */
  readonly name: string;
  /** Rejects with node:assert's AssertionError where the guarantee is broken. */
  run(makeStores: MakeBookingStores): Promise<void>;
}

/** The stores of one case. */
export interface GivenBookings {
  readonly bookings: UsageBookings;
  readonly usage: CaseLedger;
  /** Further handles, as of other processes. */
  others(count: number): Promise<BookingStores[]>;
}

/** A case from what it does with the stores. */
export const bookingCase = (name: string, body: (given: GivenBookings) => Promise<void>): UsageBookingCase => ({
  name,
  run: async (makeStores) => {
    const { ledger, bookings } = await makeStores();
    const usage = new CaseLedger(ledger, async () => (await makeStores()).ledger);
    await body({ bookings, usage, others: (count) => Promise.all(Array.from({ length: count }, () => makeStores())) });
  },
});
