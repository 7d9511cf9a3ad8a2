// What `tallygate reconcile` finds: of each tenant the counters as they stand, without floors, which would hide what is missing there,
// against what is recorded; and days of which the ledger says two things. A page of tenants at a time.
import { hasCode } from '../core/errors.js';
import type { ChargeRequest } from '../core/quota/chargeRequest.js';
import { isInLedger, meterNameOf, type PlannedFixed, planWindows } from '../core/quota/windows.js';
import { addDays, dateAt, UTC_CALENDAR } from '../core/time/calendar.js';
import type { WindowAgreement } from '../core/usage/agreement.js';
import type { Clock } from '../ports/clock.js';
import type { Disagreement, OpenProducer } from '../ports/ledgerUpkeep.js';
import { EverybodyFlushed } from '../services/metering/everybodyFlushed.js';
import {
  type CountedDates,
  type PlannedDates,
  type ReconciliationParts,
  reconcileWindows,
} from '../services/metering/reconciliation.js';
import { readableJournals } from '../services/metering/recordedUnits.js';
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

/** What is asked. */
export interface ReconcileRequest {
  /** Left out: all that the ledger knows. */
  readonly tenantIds?: readonly string[] | undefined;
  /** Closed days that are held against the rows behind them. */
  readonly days: number;
  /** Longest wait for a living process to bring what it has. One that took longer is not waited for again. */
  readonly waitMs: number;
  /** Told of each tenant in turn. */
  readonly onTenant: (tenant: TenantReconciliation) => void;
}

/** What was found of a tenant. */
export interface TenantReconciliation {
  readonly tenantId: string;
  readonly windows: readonly WindowAgreement[];
  /** Days of which the ledger says two things. */
  readonly days: readonly Disagreement[];
}

/** What belongs to no tenant. */
export interface ReconciliationSummary {
  readonly tenants: number;
  /** Processes that live and did not say in time that they have brought what they had: a rest may be on its way there. */
  readonly notFlushed: readonly OpenProducer[];
  /** Processes that have not closed and were not heard of for long, with journals that are not here: what they have is not known. */
  readonly pendingUnknown: readonly OpenProducer[];
}

const TENANTS_A_PAGE = 500;
const LOOK_ATTEMPTS = 3;

/** @throws TallygateError `counter_store_unavailable`, `counter_store_timeout`, `ledger_unavailable` */
export async function reconcile(parts: ReconcileParts, request: ReconcileRequest): Promise<ReconciliationSummary> {
  const { quotaService, ledger, upkeep, countersReady } = parts.composition;
  await countersReady();
  const { ledgerId } = await ledger.identity();
  const { monotonicMs } = parts.clock;
  const everybodyFlushed = new EverybodyFlushed({ upkeep, waitMs: request.waitMs, monotonicMs });
  const from: ReconciliationParts = {
    ...{ upkeep, journals: journals(parts).usageJournal, ledgerId, everybodyFlushed },
    plannedOf: (tenantId) => plannedOf(parts, tenantId).map(({ dates }) => dates),
    countedOf: (tenantId) => countedOf(parts, tenantId),
  };
  const readable = async () => new Set((await readableJournals(from)).map(({ producerId }) => producerId));
  // Of tenants that are on their way to the ledger it does not know yet that there are any.
  if (request.tenantIds === undefined) await everybodyFlushed.wait(await readable());
  let tenants = 0;
  for await (const page of pagesOf(parts, request)) {
    await followSettings(quotaService);
    const windows = await reconcileWindows(from, page);
    const days = await disagreements(parts, page, request.days);
    for (const tenantId of page) {
      const ofTenant = days.filter((day) => day.tenantId === tenantId);
      request.onTenant({ tenantId, windows: windows.get(tenantId) ?? [], days: ofTenant });
    }
    tenants += page.length;
  }
  const here = await readable();
  const producers = await upkeep.openProducers();
  const pendingUnknown = producers.filter(({ isLive, producerId }) => !isLive && !here.has(producerId));
  return { tenants, notFlushed: everybodyFlushed.missing, pendingUnknown };
}

/** This process follows no changes by itself. A look has 250 ms: where that is too short, the next page's will do. */
async function followSettings(quotaService: Composition['quotaService']): Promise<void> {
  try {
    await quotaService.refresh();
  } catch (error) {
    if (!hasCode(error, 'ledger_unavailable')) throw error;
  }
}

async function* pagesOf(
  { composition: { upkeep } }: ReconcileParts,
  { tenantIds }: ReconcileRequest,
): AsyncGenerator<readonly string[]> {
  if (tenantIds !== undefined) {
    for (let at = 0; at < tenantIds.length; at += TENANTS_A_PAGE) yield tenantIds.slice(at, at + TENANTS_A_PAGE);
    return;
  }
  let page = await upkeep.tenants('', TENANTS_A_PAGE);
  while (page.length > 0) {
    yield page;
    page = await upkeep.tenants(page.at(-1) ?? '', TENANTS_A_PAGE);
  }
}

/** Of days that are over everywhere or nearly so: nothing here depends on whether they are. */
function disagreements({ composition, clock }: ReconcileParts, page: readonly string[], days: number) {
  const today = dateAt(clock.wallMs(), UTC_CALENDAR);
  return days === 0 ? [] : composition.upkeep.disagreements(page, addDays(today, -days), addDays(today, -1));
}

/** A limited window, and how to ask for it. */
interface Planned {
  readonly window: PlannedFixed;
  readonly dates: PlannedDates;
  readonly look: Pick<ChargeRequest, 'costs' | 'meters' | 'windows'>;
}

function plannedOf({ composition, clock }: ReconcileParts, tenantId: string): readonly Planned[] {
  const { limits, calendar, resetNumber } = composition.quotaService.quotaOf(tenantId);
  const plan = planWindows(limits, calendar, clock.wallMs());
  return plan.windows.filter(isInLedger).flatMap((window) => {
    if (window.dates === undefined) return [];
    const meter = meterNameOf(window, plan.meters) ?? '';
    const own = { costs: [0], windows: [window] };
    const look = meter === '' ? own : { costs: [0, 0], meters: [meter], windows: [{ ...window, meter: 1 }] };
    return [{ window, look, dates: { tenantId, name: window.field, meter, resetNumber, ...window.dates[1] } }];
  });
}

/** One look a window: an absent counter makes a look at several tell of none. */
async function countedOf(parts: ReconcileParts, tenantId: string): Promise<readonly CountedDates[]> {
  const counted: CountedDates[] = [];
  for (const { window, dates, look } of plannedOf(parts, tenantId)) {
    const { meter, resetNumber } = dates;
    const reply = await lookAt(parts, { tenantId, resetNumber, ...look });
    // Absent: it comes back from the ledger with the next request, and agrees then. Reset meanwhile: the next look knows of it.
    const [found] = reply.outcome === 'decided' && reply.resetNumber === resetNumber ? reply.windows : [];
    const first = found === undefined ? undefined : window.dates?.[found.sent]?.first;
    if (found === undefined || first === undefined || found.provisional) continue;
    const { start, used, held } = found;
    counted.push({ name: window.field, meter, startMs: start, used, held, first });
  }
  return counted;
}

/** A look charges nothing, so it may be sent again. */
async function lookAt({ composition }: ReconcileParts, look: ChargeRequest) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await composition.lookAtCounters(look);
    } catch (error) {
      if (!hasCode(error, 'counter_store_timeout') || attempt === LOOK_ATTEMPTS) throw error;
    }
  }
}
