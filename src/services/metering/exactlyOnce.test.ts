// The ledger gets every unit once, whatever is lost on the way: acknowledgements, the producer's row, the ledger's last hours.
// The shipped buffer, flusher and sealed batches run against a model of the ledger's transaction, with faults by a seed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TallygateError } from '../../core/errors.js';
import { systemClock } from '../../ports/clock.js';
import { silentObserver } from '../../ports/observer.js';
import type { ApplyOutcome, UsageBatch, UsageGap, UsageLedger } from '../../ports/usageLedger.js';
import { UsageBuffer } from './usageBuffer.js';
import { UsageFlusher } from './usageFlusher.js';
import { UsageProducer } from './usageProducer.js';

type Fault = 'none' | 'lostBefore' | 'lostAfter' | 'refused';
interface Image {
  readonly producers: ReadonlyMap<string, number>;
  readonly units: number;
}

/** What one transaction of the ledger does, kept in maps; a restore puts an older image back. */
class ModelLedger {
  producers = new Map<string, number>();
  units = 0;
  gaps: UsageGap[] = [];
  /** Units of the records that were told as missing. */
  unitsInGaps = 0;
  readonly #unitsByRecord = new Map<string, number>();
  faults: Fault[] = [];
  #made = 0;

  image(): Image {
    return { producers: new Map(this.producers), units: this.units };
  }

  restore(image: Image): void {
    this.producers = new Map(image.producers);
    this.units = image.units;
  }

  apply(batch: UsageBatch): Promise<ApplyOutcome> {
    const fault = this.faults.shift() ?? 'none';
    if (fault === 'refused') return Promise.reject(new TallygateError('ledger_refused', 'refused by the model'));
    if (fault === 'lostBefore')
      return Promise.reject(new TallygateError('ledger_unavailable', 'lost before the commit'));
    const outcome = this.#transaction(batch);
    if (fault === 'lostAfter') return Promise.reject(new TallygateError('ledger_unavailable', 'lost after the commit'));
    return Promise.resolve(outcome);
  }

  #transaction(batch: UsageBatch): ApplyOutcome {
    const lastRecord = this.producers.get(batch.producerId);
    if (lastRecord === undefined) return { outcome: 'unregistered' };
    if (lastRecord !== batch.from) return { outcome: 'elsewhere', lastRecord };
    this.producers.set(batch.producerId, batch.to);
    const units = batch.charges.reduce((sum, row) => sum + row.units, 0);
    this.units += units;
    this.#unitsByRecord.set(`${batch.producerId}/${batch.to}`, units);
    return { outcome: 'applied' };
  }

  /** Numbers are used again after a gap, so what they stood for is looked up when it is told. */
  #recordGap(gap: UsageGap): void {
    this.gaps.push(gap);
    for (let record = gap.from + 1; record <= gap.to; record += 1) {
      this.unitsInGaps += this.#unitsByRecord.get(`${gap.producerId}/${record}`) ?? 0;
      this.#unitsByRecord.delete(`${gap.producerId}/${record}`);
    }
  }

  asLedger(): UsageLedger {
    const unused = () => Promise.reject(new Error('not part of this test'));
    return {
      identity: () => Promise.resolve({ ledgerId: 'model', hashKey: Buffer.alloc(32) }),
      newProducerId: () => Promise.resolve(`producer-${++this.#made}`),
      registerProducer: (id) => {
        if (!this.producers.has(id)) this.producers.set(id, 0);
        return Promise.resolve('registered');
      },
      touchProducer: (id) => Promise.resolve(this.producers.get(id)),
      apply: (batch) => this.apply(batch),
      recordGap: (gap) => {
        this.#recordGap(gap);
        return Promise.resolve();
      },
      otherLiveProducers: unused,
      replayPosition: unused,
      applyReplay: unused,
      readUsage: unused,
      sumCharges: unused,
    };
  }
}

function meteringOver(model: ModelLedger) {
  const ledger = model.asLedger();
  const buffer = new UsageBuffer({ onSaturated: () => {} });
  const producer = new UsageProducer({ ledger, clock: systemClock, holder: { host: 'here', pid: 1 } });
  const parts = { ledger, buffer, producer, batchSize: 1_000_000, intervalMs: 3_600_000, clock: systemClock };
  return {
    buffer,
    flusher: new UsageFlusher({ ...parts, observer: silentObserver, onApplied: () => {}, onFailure: () => {} }),
  };
}

const book = (buffer: UsageBuffer, units: number) =>
  buffer.addCharge({ tenantId: 't', usageDate: '2026-11-24', meter: '', resetNumber: 0 }, { units });

const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('book' as const), units: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('tell' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      fault: fc.constantFrom<Fault>('lostBefore', 'lostAfter', 'refused'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('snapshot' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const) }) },
);

describe('usage reaches the ledger exactly once', () => {
  it('over lost acknowledgements and refusals: the ledger ends with what was booked', async () => {
    const withoutRestore = action.filter((one) => one.kind !== 'restore' && one.kind !== 'snapshot');
    await fc.assert(
      fc.asyncProperty(fc.array(withoutRestore, { maxLength: 40 }), async (actions) => {
        const model = new ModelLedger();
        const { buffer, flusher } = meteringOver(model);
        let booked = 0;
        for (const one of actions) {
          if (one.kind === 'book') {
            book(buffer, one.units);
            booked += one.units;
          } else if (one.kind === 'fault') model.faults.push(one.fault);
          else if (one.kind === 'tell') await flusher.tell().catch(() => {});
          else await flusher.flush().catch(() => {});
        }
        model.faults = [];
        expect(await flusher.close(1_000)).toBe(0);
        expect(model.units).toBe(booked);
        expect(model.gaps).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    // One batch more, or a word: without it nobody has looked at the ledger since the last restore.
    ['a batch', 1],
    ['a word of an idle process', 0],
  ])(
    'over a ledger that goes back in time: what is missing is told as gaps, and nothing counts twice, with the next that is sent, %s',
    async (_, more) => {
      await fc.assert(
        fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
          const model = new ModelLedger();
          const { buffer, flusher } = meteringOver(model);
          let booked = 0;
          let image = model.image();
          for (const one of actions) {
            if (one.kind === 'book') {
              book(buffer, one.units);
              booked += one.units;
            } else if (one.kind === 'fault') model.faults.push(one.fault);
            else if (one.kind === 'snapshot') image = model.image();
            else if (one.kind === 'restore') model.restore(image);
            else if (one.kind === 'tell') await flusher.tell().catch(() => {});
            else await flusher.flush().catch(() => {});
          }
          model.faults = [];
          if (more > 0) book(buffer, more);
          else await flusher.tell();
          expect(await flusher.close(1_000)).toBe(0);
          expect(model.units + model.unitsInGaps).toBe(booked + more);
        }),
        { numRuns: 1_500 },
      );
    },
  );
});
