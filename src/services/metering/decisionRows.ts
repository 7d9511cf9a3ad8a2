// What a decision did to the quota, as the rows that are booked: added up with others, or once by the key of its client.
import { createHash } from 'node:crypto';
import { OWN_UNITS } from '../../core/meter.js';
import { costIn } from '../../core/quota/cost.js';
import type { Decision } from '../../core/quota/decision.js';
import type { KeyedBooking } from '../../core/quota/remembered.js';
import type { ChargeAmounts } from '../../core/usage/increments.js';
import type { CommitRow } from '../../ports/usageLedger.js';

/** What a decision did to the quota, by meter; nothing where nothing of it is booked. Requests that are refused count once, as own units. */
export function chargesOf(decision: Decision): (Partial<ChargeAmounts> & { readonly meter: string })[] {
  const { cost, meterCosts, overage, meterOverages, chargeUnknown } = decision;
  if (decision.allowed) {
    // An estimate is no usage: what it was in the end is booked by its commit, since units never decrease.
    if (decision.isReservation) return [];
    const metered = meterCosts.map(({ meter, units }) => ({ meter, units, overage: costIn(meterOverages, meter) }));
    return cost === 0 ? metered : [{ meter: OWN_UNITS, units: cost, overage }, ...metered];
  }
  const metered = chargeUnknown ? meterCosts.map(({ meter, units }) => ({ meter, unconfirmed: units })) : [];
  const unconfirmed = chargeUnknown ? cost : 0;
  // Denied by the process's own counters after a charge that the store may have made: both are true.
  if (decision.outcome === 'denied') return [{ meter: OWN_UNITS, denied: 1, unconfirmed }, ...metered];
  return unconfirmed > 0 ? [{ meter: OWN_UNITS, unconfirmed }, ...metered] : metered;
}

/**
 * What an admission under a key is booked as, by whichever process answers it: units by meter, and its API calls with the own units.
 * @param metering whether API calls are metered at all
 */
export function keyedCommits(decision: Decision, { key, apiCalls }: KeyedBooking, metering: boolean): CommitRow[] {
  const { tenantId, label } = decision;
  const { usageDate, resetNumber } = label;
  const rows = chargesOf(decision);
  const own = rows.find(({ meter }) => meter === OWN_UNITS) ?? { meter: OWN_UNITS };
  return [own, ...rows.filter((row) => row !== own)].map(({ meter, units = 0, overage = 0 }) => ({
    ...{ tenantId, usageDate, meter, resetNumber, units, overage },
    apiCalls: meter === OWN_UNITS && metering ? apiCalls : 0,
    key: meterKey(key, meter),
  }));
}

/** Each meter is booked once under a key of its own. */
function meterKey(key: string, meter: string): Buffer {
  const bytes = Buffer.from(key, 'hex');
  return meter === OWN_UNITS ? bytes : createHash('sha256').update(bytes).update(meter).digest().subarray(0, 16);
}
