// While the ledger is away, memory and disk grow with tenants and users, not with requests; when it is back everything drains.
// The shipped buffer, flusher and journal, on a real disk; an hour is compressed into half a million calls.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TallygateError } from '../../core/errors.js';
import { systemClock } from '../../ports/clock.js';
import { silentObserver } from '../../ports/observer.js';
import type { ApplyOutcome, UsageBatch, UsageLedger } from '../../ports/usageLedger.js';
import { DiskJournal } from '../../stores/disk/diskJournal.js';
import { UsageBuffer } from './usageBuffer.js';
import { UsageFlusher } from './usageFlusher.js';
import { UsageProducer } from './usageProducer.js';

const LEDGER_ID = '00000000-0000-4000-8000-000000000000';
const DAY = '2026-11-24';
const TENANTS = 200;
const USERS = 40;
const CALLS_A_TURN = 50;
/** Turns of one window; what is measured is each window's highest level. */
const WINDOW_TURNS = 1_500;
const WINDOWS = 6;
const WARM_UP = 2;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tallygate-backlog-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function metering() {
  const state = { isAway: true, calls: new Map<string, number>(), users: new Set<string>(), position: 0 };
  const apply = async (batch: UsageBatch): Promise<ApplyOutcome> => {
    if (state.isAway) throw new TallygateError('ledger_unavailable', 'away');
    if (batch.from !== state.position) return { outcome: 'elsewhere', lastRecord: state.position };
    state.position = batch.to;
    for (const row of batch.calls) state.calls.set(row.tenantId, (state.calls.get(row.tenantId) ?? 0) + row.apiCalls);
    for (const row of batch.users) state.users.add(row.userHash.toString('hex'));
    return { outcome: 'applied' };
  };
  const unused = () => Promise.reject(new Error('not part of this test'));
  const ledger: UsageLedger = {
    identity: () => Promise.resolve({ ledgerId: LEDGER_ID, hashKey: Buffer.alloc(32) }),
    newProducerId: () => Promise.resolve('00000000-0000-7000-8000-000000000001'),
    registerProducer: () => Promise.resolve('registered'),
    touchProducer: () => Promise.resolve(undefined),
    recordGap: unused,
    otherLiveProducers: () => Promise.resolve([]),
    apply,
    ...{ replayPosition: unused, applyReplay: unused, readUsage: unused, sumCharges: unused },
  } as UsageLedger;
  const refusals: unknown[] = [];
  const journals = new DiskJournal({
    ...{ folder, address: 'here', onRefused: (error) => void refusals.push(error), onCorrupt: () => {} },
  });
  const producer = new UsageProducer({ ledger, clock: systemClock, holder: { host: 'here', pid: 1 }, journals });
  const buffer = new UsageBuffer({ onSaturated: () => {}, journal: producer.writableJournal });
  const flusher = new UsageFlusher({
    ...{ ledger, buffer, producer, batchSize: 1_000_000, intervalMs: 250, clock: systemClock },
    ...{ observer: silentObserver, onApplied: () => {}, onFailure: () => {} },
  });
  return { state, refusals, producer, buffer, flusher };
}

function bytesOnDisk(): number {
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    // Merged away while it was looked at.
    bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

describe('a ledger that is away', () => {
  it('costs memory and disk for tenants and users, not for requests, and what waited drains', {
    timeout: 300_000,
  }, async () => {
    const { state, refusals, producer, buffer, flusher } = metering();
    await producer.identify(LEDGER_ID);
    const levels: { rows: number; megabytes: number }[] = [];
    let booked = 0;
    for (let window = 0; window < WINDOWS; window += 1) {
      let rows = 0;
      let bytes = 0;
      for (let turns = 0; turns < WINDOW_TURNS; turns += 1) {
        for (let call = 0; call < CALLS_A_TURN; call += 1) {
          const tenant = `tenant-${booked % TENANTS}`;
          buffer.addCalls(tenant, DAY, 1);
          buffer.addUser(tenant, DAY, `user-${Math.floor(booked / TENANTS) % USERS}`);
          flusher.booked();
          booked += 1;
        }
        await turn();
        rows = Math.max(rows, buffer.rows);
        if (turns % 50 === 0) {
          await flusher.flush().catch(() => {});
          bytes = Math.max(bytes, bytesOnDisk());
        }
      }
      levels.push({ rows, megabytes: bytes / 1024 / 1024 });
    }
    process.stdout.write(
      `away for ${booked} calls of ${TENANTS * USERS} users: ${levels.map(({ rows, megabytes }) => `${rows} rows, ${megabytes.toFixed(1)} MB`).join('; ')}\n`,
    );
    const [, warm] = levels;
    for (const level of levels.slice(WARM_UP)) {
      expect(level.rows).toBeLessThanOrEqual(1.1 * (warm?.rows ?? 0));
      expect(level.megabytes).toBeLessThanOrEqual(1.1 * (warm?.megabytes ?? 0));
    }
    state.isAway = false;
    expect(await flusher.close(30_000)).toBe(0);
    expect([...state.calls.values()].reduce((sum, calls) => sum + calls, 0)).toBe(booked);
    expect(state.users.size).toBe(TENANTS * USERS);
    expect(refusals).toEqual([]);
  });
});

describe('a turn', () => {
  it('takes the journal some microseconds', async () => {
    const { producer, buffer } = metering();
    await producer.identify(LEDGER_ID);
    const turns = 20_000;
    const startedAt = process.hrtime.bigint();
    for (let number = 0; number < turns; number += 1) {
      const tenantId = `tenant-${number % TENANTS}`;
      buffer.addCharge({ tenantId, usageDate: DAY, meter: '', resetNumber: 0 }, { units: 1 });
      buffer.addCalls(tenantId, DAY, 1);
      buffer.endTurn();
    }
    const microseconds = Number(process.hrtime.bigint() - startedAt) / 1_000 / turns;
    process.stdout.write(`a journal turn of one request: ${microseconds.toFixed(1)} us\n`);
    // A bound for a busy machine: ten times what an idle one needs.
    expect(microseconds).toBeLessThan(300);
  });
});
