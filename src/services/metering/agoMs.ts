// How long ago a moment was, so that nobody's clock has to agree with the database's: it takes the milliseconds from its own. Both
// clocks of the process count, and the larger wins. The monotonic one may stand still while a machine sleeps, the other may be set back;
// too much only says that less is known to be in the ledger, too little would say that usage is there which is not.
import type { Clock } from '../../ports/clock.js';
import type { AgoMs } from '../../ports/usageLedger.js';

/** Call it before what is to be told of that moment, never after: what happens in between belongs to later. */
export function momentAgo({ wallMs, monotonicMs }: Clock): AgoMs {
  const [wall, monotonic] = [wallMs(), monotonicMs()];
  return () => Math.ceil(Math.max(0, wallMs() - wall, monotonicMs() - monotonic));
}
