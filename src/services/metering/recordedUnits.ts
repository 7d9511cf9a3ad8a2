// What was charged to windows by everything but the counters: the ledger, and journals that can be read here, beyond what the ledger has
// of them. The ledger's sums and the producers' positions are of one snapshot; what is applied meanwhile stays in its journal for minutes.
import type { UsageDate } from '../../core/time/calendar.js';
import type { PendingUnits, RecordedUnits } from '../../core/usage/agreement.js';
import type { UsageIncrements } from '../../core/usage/increments.js';
import type { ChargedRange, LedgerUpkeep } from '../../ports/ledgerUpkeep.js';
import type { FoundJournal, UsageJournal } from '../../ports/usageJournal.js';

/** What it needs. */
export interface RecordedUnitsParts {
  readonly upkeep: Pick<LedgerUpkeep, 'recorded'>;
  readonly journals: Pick<UsageJournal, 'others'>;
  readonly ledgerId: string;
}

/** More than a journal may have waiting. */
const MOST_ROWS = 1_000_000;

/** Journals of this ledger that can be read here. */
export async function readableJournals({ journals, ledgerId }: RecordedUnitsParts): Promise<readonly FoundJournal[]> {
  return (await journals.others()).filter((journal) => journal.ledgerId === ledgerId);
}

/** One answer a range, in their order. */
export async function recordedUnits(
  parts: RecordedUnitsParts,
  ranges: readonly ChargedRange[],
): Promise<readonly RecordedUnits[]> {
  const found = await readableJournals(parts);
  const producerIds = found.map(({ producerId }) => producerId);
  const { sums, lastRecords } = await parts.upkeep.recorded({ ranges, producerIds });
  const asked = new Set(ranges.map(({ tenantId }) => tenantId));
  const waiting = new Map<string, Waiting>();
  for (const journal of found) {
    const { producerId } = journal;
    const after = Math.max(journal.after, lastRecords.get(producerId) ?? 0);
    const kept = new Waiting();
    for (const { increments } of await journal.read(after, Number.POSITIVE_INFINITY, MOST_ROWS)) {
      kept.add(increments, asked);
    }
    waiting.set(producerId, kept);
  }
  return ranges.map((range, index) => ({
    ledger: sums[index]?.units ?? 0,
    unconfirmed: sums[index]?.unconfirmed ?? 0,
    pending: pendingIn(range, waiting),
  }));
}

function pendingIn(range: ChargedRange, waiting: ReadonlyMap<string, Waiting>): PendingUnits[] {
  return [...waiting]
    .map(([producerId, kept]) => ({ producerId, ...kept.in(range) }))
    .filter(({ units, unconfirmed }) => units > 0 || unconfirmed > 0);
}

type ChargedOf = Pick<ChargedRange, 'tenantId' | 'meter' | 'resetNumber'>;

/** Charges of one producer that are on their way, by whose they are and their day. */
class Waiting {
  readonly #days = new Map<string, Map<UsageDate, { units: number; unconfirmed: number }>>();

  add(increments: UsageIncrements, asked: ReadonlySet<string>): void {
    for (const [tenantId, { days, commits }] of increments.tenants) {
      if (!asked.has(tenantId)) continue;
      for (const [usageDate, { charges }] of days) {
        for (const charge of charges) this.#addTo({ tenantId, ...charge }, usageDate, charge);
      }
      for (const commit of commits.values()) {
        this.#addTo({ tenantId, ...commit }, commit.usageDate, { units: commit.units, unconfirmed: 0 });
      }
    }
  }

  in(range: ChargedRange): { readonly units: number; readonly unconfirmed: number } {
    const sum = { units: 0, unconfirmed: 0 };
    for (const [date, { units, unconfirmed }] of this.#days.get(keyOf(range)) ?? []) {
      if (date < range.first || range.last < date) continue;
      sum.units += units;
      sum.unconfirmed += unconfirmed;
    }
    return sum;
  }

  #addTo(
    of: ChargedOf,
    usageDate: UsageDate,
    { units, unconfirmed }: { readonly units: number; readonly unconfirmed: number },
  ): void {
    const key = keyOf(of);
    const days = this.#days.get(key) ?? new Map<UsageDate, { units: number; unconfirmed: number }>();
    const sum = days.get(usageDate) ?? { units: 0, unconfirmed: 0 };
    sum.units += units;
    sum.unconfirmed += unconfirmed;
    this.#days.set(key, days.set(usageDate, sum));
  }
}

const keyOf = ({ tenantId, meter, resetNumber }: ChargedOf): string => JSON.stringify([tenantId, meter, resetNumber]);
