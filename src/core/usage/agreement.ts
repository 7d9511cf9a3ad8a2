// Whether the counters and the ledger tell the same story. Both move while they are read: so the ledger is read before and after the
// counter, and what the counter shows must lie between. What does not is the unexplained rest.

/** Units of one window, as they are recorded outside of the counters. */
export interface RecordedUnits {
  readonly ledger: number;
  /** Of requests that were refused while nobody knew whether they were charged: perhaps in the counter, never in `ledger`. */
  readonly unconfirmed: number;
  /** By producer: recorded, and on the way to the ledger. */
  readonly pending: readonly PendingUnits[];
}

export interface PendingUnits {
  readonly producerId: string;
  readonly units: number;
  readonly unconfirmed: number;
}

/** One window of a tenant. */
export interface WindowAgreement {
  readonly name: string;
  /** ISO 8601 in UTC. */
  readonly start: string;
  readonly used: number;
  readonly held: number;
  readonly ledger: number;
  readonly pending: readonly PendingUnits[];
  readonly unconfirmed: number;
  /** used - held - ledger - pending, as far as neither movement nor unconfirmed units explain it. Above 0: counted, not recorded. */
  readonly rest: number;
}

/** What the counter has shown, with what was recorded before and after that. */
export function windowAgreement(
  counted: { readonly name: string; readonly startMs: number; readonly used: number; readonly held: number },
  before: RecordedUnits,
  after: RecordedUnits,
): WindowAgreement {
  const { name, startMs, used, held } = counted;
  const [least, most] = [unitsOf(before), unitsOf(after) + unconfirmedOf(after)];
  const explained = Math.min(Math.max(used - held, least), most);
  const { ledger, pending } = after;
  const start = new Date(startMs).toISOString();
  const rest = used - held - explained;
  return { name, start, used, held, ledger, pending, unconfirmed: unconfirmedOf(after), rest };
}

const unitsOf = ({ ledger, pending }: RecordedUnits): number => pending.reduce((sum, { units }) => sum + units, ledger);

const unconfirmedOf = ({ unconfirmed, pending }: RecordedUnits): number =>
  pending.reduce((sum, one) => sum + one.unconfirmed, unconfirmed);
