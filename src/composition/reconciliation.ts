// What `tallygate reconcile` finds for one tenant: the counters as they stand, without floors, which would hide what is missing there.

import { planWindows } from '../core/quota/windows.js';
import { addDays, dateAt } from '../core/time/calendar.js';
import type { WindowAgreement } from '../core/usage/agreement.js';
import type { Clock } from '../ports/clock.js';
import type { DisagreeingDay } from '../ports/ledgerUpkeep.js';
import { type CountedDates, reconcileWindows } from '../services/metering/reconciliation.js';
import type { Composition } from './compose.js';
import type { DatabaseChoice } from './database.js';
import { journals } from './journals.js';
import type { Log } from './log.js';

/** What it needs. */
export interface ReconcileParts {
  readonly composition: Pick<Composition, 'quotaService' | 'ledger' | 'upkeep' | 'countersReady' | 'lookAtCounters'>;
  readonly database: DatabaseChoice;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What was found. */
export interface Reconciliation {
  readonly tenantId: string;
  readonly windows: readonly WindowAgreement[];
  /** Closed days whose count of active users is not that of their rows. */
  readonly days: readonly DisagreeingDay[];
}

const CLOSED_DAYS = 31;

/** @throws TallygateError `counter_store_unavailable`, `ledger_unavailable` */
export async function reconcile(parts: ReconcileParts, tenantId: string): Promise<Reconciliation> {
  const { quotaService, ledger, upkeep, countersReady } = parts.composition;
  await countersReady();
  const { ledgerId } = await ledger.identity();
  const windows = await reconcileWindows(
    {
      upkeep,
      journals: journals(parts).usageJournal,
      countedOf: (tenant) => countedOf(parts, tenant),
      resetNumberOf: (tenant) => quotaService.quotaOf(tenant).resetNumber,
    },
    tenantId,
    ledgerId,
  );
  const today = dateAt(parts.clock.wallMs(), quotaService.quotaOf(tenantId).calendar);
  const days = await upkeep.disagreeingDays(tenantId, addDays(today, -CLOSED_DAYS), addDays(today, -1));
  return { tenantId, windows, days };
}

/** One look a window: an absent counter makes a look at several tell of none. */
async function countedOf({ composition, clock }: ReconcileParts, tenantId: string): Promise<readonly CountedDates[]> {
  const { limits, calendar, resetNumber } = composition.quotaService.quotaOf(tenantId);
  const counted: CountedDates[] = [];
  for (const window of planWindows(limits, calendar, clock.wallMs()).windows) {
    if (!('dates' in window) || window.dates === undefined || window.limit === undefined) continue;
    const reply = await composition.lookAtCounters({ tenantId, costs: [0], windows: [window], resetNumber });
    // Absent: it comes back from the ledger with the next request, and agrees then.
    const [found] = reply.outcome === 'decided' ? reply.windows : [];
    const dates = found === undefined ? undefined : window.dates[found.sent];
    if (found === undefined || dates === undefined || found.provisional) continue;
    const { start, used, held } = found;
    counted.push({ name: window.field, startMs: start, used, held, first: dates.first, last: dates.last });
  }
  return counted;
}
