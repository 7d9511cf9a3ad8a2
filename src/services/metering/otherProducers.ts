// Whether somebody else feeds the same ledger. Without a shared counter store each process counts alone, and then the quotas
// hold for each of them: that must be seen, not found out on an invoice.
import { hasCode } from '../../core/errors.js';
import type { LiveProducer, UsageLedger } from '../../ports/usageLedger.js';
import type { UsageProducer } from './usageProducer.js';

const WATCH_INTERVAL_MS = 60_000;
/** An id that no producer has, for a process that has not flushed yet. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** What it needs. */
export interface OtherProducersParts {
  readonly ledger: Pick<UsageLedger, 'otherLiveProducers'>;
  readonly producer: Pick<UsageProducer, 'id'>;
  /** Told every minute, also of none. */
  readonly onOthers: (others: readonly LiveProducer[]) => void;
}

/** Looks now and every minute; the returned function ends it. Holds no process open. */
export function watchOtherProducers({ ledger, producer, onOthers }: OtherProducersParts): () => void {
  async function look(): Promise<void> {
    try {
      onOthers(await ledger.otherLiveProducers(producer.id ?? NOBODY));
    } catch (error) {
      // An unreachable ledger is told by those who need it.
      if (!hasCode(error, 'ledger_unavailable', 'migrations_pending', 'closed')) throw error;
    }
  }
  void look();
  const timer = setInterval(() => void look(), WATCH_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
