// What one transaction of the ledger does, kept in maps: compare-and-set, then the rows. Older images can be put back.
import type { ApplyOutcome, UsageBatch, UsageGap } from '../../src/ports/usageLedger.js';

/** The ledger at one instant. */
interface Image {
  readonly producers: ReadonlyMap<string, number>;
  readonly units: ReadonlyMap<string, number>;
}

/** That everything which the producer booked before an instant was in the ledger. */
export interface Claim {
  readonly producerId: string;
  readonly until: number;
}

/** See the head of this file. Each booking of a schedule has a tenant of its own: its units say how often it was counted. */
export class ModelLedger {
  producers = new Map<string, number>();
  units = new Map<string, number>();
  readonly gaps: UsageGap[] = [];
  /** Ids that are older than the collector's minimum age. */
  readonly tooOld = new Set<string>();
  #image: Image = { producers: new Map(), units: new Map() };

  takeImage(): void {
    this.#image = { producers: new Map(this.producers), units: new Map(this.units) };
  }

  goBack(): void {
    this.producers = new Map(this.#image.producers);
    this.units = new Map(this.#image.units);
  }

  register(id: string): 'registered' | 'refused' {
    if (this.producers.has(id)) return 'registered';
    if (this.tooOld.has(id)) return 'refused';
    this.producers.set(id, 0);
    return 'registered';
  }

  apply(batch: UsageBatch): ApplyOutcome {
    const lastRecord = this.producers.get(batch.producerId);
    if (lastRecord === undefined) return { outcome: 'unregistered' };
    if (lastRecord !== batch.from) return { outcome: 'elsewhere', lastRecord };
    this.write(batch);
    return { outcome: 'applied' };
  }

  touch(producerId: string): number | undefined {
    return this.producers.get(producerId);
  }

  write(batch: UsageBatch): void {
    this.producers.set(batch.producerId, batch.to);
    for (const row of batch.charges) this.units.set(row.tenantId, (this.units.get(row.tenantId) ?? 0) + row.units);
  }
}
