// The conformance suite of the bookings: what callers of the port may rely on, for every ledger alike.
import { bookedAdjustmentCases } from './bookedAdjustmentCases.js';
import { bookedEventCases } from './bookedEventCases.js';
import { bookedStorageCases } from './bookedStorageCases.js';
import type { UsageBookingCase } from './usageBookingCase.js';

/**
 * All cases. Each takes a function that gives a handle on one ledger, and throws node:assert's AssertionError where a guarantee
 * does not hold. Needs no test framework.
 */
export const usageBookingCases: readonly UsageBookingCase[] = [
  ...bookedAdjustmentCases,
  ...bookedEventCases,
  ...bookedStorageCases,
];
