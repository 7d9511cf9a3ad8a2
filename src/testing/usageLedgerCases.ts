// The conformance suite of the usage ledger: what callers of the port may rely on, for every ledger alike.
import { ledgerBatchCases } from './ledgerBatchCases.js';
import { ledgerCommitCases } from './ledgerCommitCases.js';
import { ledgerKeyedCases } from './ledgerKeyedCases.js';
import { ledgerMeterCases } from './ledgerMeterCases.js';
import { ledgerRaceCases } from './ledgerRaceCases.js';
import { ledgerReadCases } from './ledgerReadCases.js';
import { ledgerReplayCases } from './ledgerReplayCases.js';
import { ledgerStorageCases } from './ledgerStorageCases.js';
import { ledgerUserCases } from './ledgerUserCases.js';
import type { UsageLedgerCase } from './usageLedgerCase.js';

/**
 * All cases. Each takes a function that gives a handle on one ledger, and throws node:assert's AssertionError where a guarantee
 * does not hold. Needs no test framework.
 *
 * @example
 * for (const { name, run } of usageLedgerCases) test(name, () => run(() => myLedger()));
 */
export const usageLedgerCases: readonly UsageLedgerCase[] = [
  ...ledgerBatchCases,
  ...ledgerCommitCases,
  ...ledgerUserCases,
  ...ledgerStorageCases,
  ...ledgerMeterCases,
  ...ledgerKeyedCases,
  ...ledgerReadCases,
  ...ledgerReplayCases,
  ...ledgerRaceCases,
];
