// What one transaction of the ledger does, kept in maps: compare-and-set, then the rows. Older images can be put back.
import type { ApplyOutcome, UsageBatch } from '../../src/ports/usageLedger.js';

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

/**
 * See the head of this file. Each booking of a schedule has a tenant of its own: its units say how often it was counted, whatever it is
 * of. Keys are not looked at: the records alone must see to it.
 */
export class ModelLedger {
  producers = new Map<string, number>();
  units = new Map<string, number>();
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
    const add = (tenantId: string, units: number) => this.units.set(tenantId, (this.units.get(tenantId) ?? 0) + units);
    for (const { tenantId, units } of batch.charges) add(tenantId, units);
    for (const { tenantId, amount } of [...batch.meters, ...batch.keyed]) add(tenantId, amount);
  }
}
