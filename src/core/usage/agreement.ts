// Whether the counters and the ledger tell the same story. Both move while they are read: so the ledger is read before and after the
// counter, and what the counter shows must lie between. What does not is the unexplained rest. One look may leave room for a rest when
// there is traffic; several looks leave only what all of them leave.

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

/** What the rest may be, both ends included. */
export interface RestRange {
  readonly least: number;
  readonly most: number;
}

/** One window of a tenant. */
export interface WindowAgreement {
  readonly name: string;
  /** '' is the quota's own units. */
  readonly meter: string;
  /** ISO 8601 in UTC. */
  readonly start: string;
  readonly used: number;
  readonly held: number;
  readonly ledger: number;
  readonly pending: readonly PendingUnits[];
  readonly unconfirmed: number;
  /** used - held - ledger - pending, as far as nothing explains it. Above 0: counted, not recorded; below 0: recorded, not counted. */
  readonly rest: number;
  /** What the rest may be: more than one value where units moved meanwhile, are unconfirmed, or may be recorded of what is held. */
  readonly between: RestRange;
  /** Whether units moved between the readings of the last look. */
  readonly isMoving: boolean;
}

/** A window as the counter has shown it. */
export interface CountedUnits {
  readonly name: string;
  readonly meter: string;
  readonly startMs: number;
  readonly used: number;
  readonly held: number;
}

/**
 * What the counter has shown, with what was recorded before and after that.
 * @param earlier what earlier looks have left of the rest
 */
export function windowAgreement(
  counted: CountedUnits,
  { before, after }: { readonly before: RecordedUnits; readonly after: RecordedUnits },
  earlier?: RestRange,
): WindowAgreement {
  const { name, meter, startMs, used, held } = counted;
  const unconfirmed = unconfirmedOf(after);
  // Of what is held on a lease some may be spent already and recorded, and so may a reservation be whose commit came too late: up to all.
  const seen = { least: used - held - unitsOf(after) - unconfirmed, most: used - unitsOf(before) };
  const between = both(seen, earlier) ?? seen;
  const { ledger, pending } = after;
  return {
    ...{ name, meter, start: new Date(startMs).toISOString() },
    ...{ used, held, ledger, pending, unconfirmed },
    rest: Math.max(0, between.least) + Math.min(0, between.most),
    between,
    isMoving: unitsOf(before) !== unitsOf(after),
  };
}

/** undefined where they contradict each other: then something changed between the looks, and the earlier one is of the past. */
function both(seen: RestRange, earlier: RestRange | undefined): RestRange | undefined {
  if (earlier === undefined) return seen;
  const range = { least: Math.max(seen.least, earlier.least), most: Math.min(seen.most, earlier.most) };
  return range.least <= range.most ? range : undefined;
}

const unitsOf = ({ ledger, pending }: RecordedUnits): number => pending.reduce((sum, { units }) => sum + units, ledger);

const unconfirmedOf = ({ unconfirmed, pending }: RecordedUnits): number =>
  pending.reduce((sum, one) => sum + one.unconfirmed, unconfirmed);
