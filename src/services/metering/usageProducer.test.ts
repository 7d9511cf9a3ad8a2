// How long a process keeps its id in the ledger, and what becomes of the id afterwards.
import { describe, expect, it } from 'vitest';
import { TallygateError } from '../../core/errors.js';
import type { UsageLedger } from '../../ports/usageLedger.js';
import { UsageProducer } from './usageProducer.js';

const HOUR_MS = 3_600_000;

function producerOverLedger() {
  const told: string[] = [];
  const state = { nowMs: 0, isAway: false, made: 0 };
  const unused = () => Promise.reject(new Error('not part of this test'));
  const ledger: UsageLedger = {
    identity: unused,
    newProducerId: () => Promise.resolve(`id${++state.made}`),
    registerProducer: (id) => {
      told.push(`registered ${id}`);
      return Promise.resolve('registered');
    },
    touchProducer: (id, closed) => {
      if (state.isAway) return Promise.reject(new TallygateError('ledger_unavailable', 'away'));
      told.push(`${closed ? 'closed' : 'touched'} ${id}`);
      return Promise.resolve(0);
    },
    otherLiveProducers: unused,
    apply: unused,
    recordGap: unused,
    replayPosition: unused,
    applyReplay: unused,
    readUsage: unused,
    sumCharges: unused,
  };
  const clock = { wallMs: () => state.nowMs, monotonicMs: () => state.nowMs };
  return { told, state, producer: new UsageProducer({ ledger, clock, holder: { host: 'here', pid: 1 } }) };
}

describe('a producer’s id', () => {
  it('is replaced after half the age that the ledger refuses, and the old one is closed', async () => {
    const { told, state, producer } = producerOverLedger();
    expect(await producer.ensure()).toBe('id1');
    producer.position = 7;
    state.nowMs = 12 * HOUR_MS;
    expect(producer.isOld()).toBe(false);
    state.nowMs += 1;
    expect(producer.isOld()).toBe(true);
    await producer.replaceOld(7);
    expect(await producer.ensure()).toBe('id2');
    expect({ position: producer.position, after: producer.after }).toEqual({ position: 0, after: 7 });
    await producer.touch(false);
    expect(told).toEqual(['registered id1', 'closed id1', 'registered id2', 'touched id2']);
  });

  it('is replaced also where closing it fails', async () => {
    const { state, producer } = producerOverLedger();
    await producer.ensure();
    state.nowMs = 13 * HOUR_MS;
    state.isAway = true;
    await producer.replaceOld(0);
    expect(await producer.ensure()).toBe('id2');
  });
});
