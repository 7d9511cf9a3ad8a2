import { expect, test } from 'vitest';
import { type Decision, decisionWithoutStore, type StoreErrorPolicy } from '../../core/quota/decision.js';
import { silentObserver } from '../../ports/observer.js';
import type { Asked } from './attempt.js';
import { StartGate } from './startGate.js';

const NOW = Date.UTC(2026, 10, 24, 23);
const clock = { wallMs: () => NOW, monotonicMs: () => 1_000 };
const RESERVE: Asked = { reserve: { id: 'a'.repeat(22), ttlMs: 60_000 } };

interface Start {
  readonly policy: StoreErrorPolicy;
  readonly knowsLimits: boolean;
}

/** A gate before an installation that never starts, what it booked, and what it asked the admission behind it. */
function gateThatStaysShut({ policy, knowsLimits }: Start) {
  const booked: Decision[] = [];
  const asked: [string, number, Asked | undefined][] = [];
  const byAdmission = (tenantId: string, cost: number): Decision =>
    decisionWithoutStore(
      { outcome: 'unconfirmed', tenantId, cost, settingsVersion: 12 },
      { decidedAtMs: NOW, usageDate: '2026-11-25', resetNumber: 3 },
    );
  const gate = new StartGate({
    admission: {
      decide: (tenantId, cost, more) => {
        asked.push([tenantId, cost, more]);
        return byAdmission(tenantId, cost);
      },
      look: (tenantId) => byAdmission(tenantId, 0),
    },
    started: () => Promise.reject(new Error('never')),
    ...{ policy, knowsLimits: () => knowsLimits, clock, observer: silentObserver },
    onDecision: (decision) => booked.push(decision),
  });
  return { gate, booked, asked };
}

test('an estimate that is let pass before the start is no usage: its commit books what it was', async () => {
  const { gate, booked } = gateThatStaysShut({ policy: 'allow', knowsLimits: false });
  const decision = await gate.decide('acme', 500, RESERVE);
  expect(decision).toMatchObject({ allowed: true, isReservation: true });
  expect(booked).toEqual([decision]);
});

test('before the settings are known the policy decides, and local has nothing to count by', async () => {
  const outcomes = { allow: 'unconfirmed', local: 'unavailable', deny: 'unavailable' } as const;
  for (const policy of ['allow', 'local', 'deny'] as const) {
    const { gate, booked, asked } = gateThatStaysShut({ policy, knowsLimits: false });
    expect((await gate.decide('acme', 1)).outcome).toBe(outcomes[policy]);
    expect([booked.length, asked.length]).toEqual([1, 0]);
  }
});

test('once they are known every policy knows the tenant: whether it has limits, its date and its last reset', async () => {
  for (const policy of ['allow', 'local', 'deny'] as const) {
    const { gate, booked, asked } = gateThatStaysShut({ policy, knowsLimits: true });
    const decision = await gate.decide('acme', 5, RESERVE);
    expect(decision.label).toMatchObject({ usageDate: '2026-11-25', resetNumber: 3 });
    // The admission tells of its own decisions.
    expect([booked, asked]).toEqual([[], [['acme', 5, RESERVE]]]);
  }
});

test('after the end has begun nothing is asked any more, whatever is known', async () => {
  const { gate, asked } = gateThatStaysShut({ policy: 'allow', knowsLimits: true });
  await gate.close();
  expect(await gate.decide('acme', 5, RESERVE)).toMatchObject({ outcome: 'unconfirmed', isReservation: true });
  expect(asked).toEqual([]);
});

test('what is let pass before the start is booked by its key, as the repeat of it will be', async () => {
  const { gate, booked } = gateThatStaysShut({ policy: 'allow', knowsLimits: false });
  await gate.decide('acme', 5, { keyed: { key: 'aa', content: 'bb', apiCalls: 1 } });
  expect(booked[0]?.keyed).toEqual({ key: 'aa', apiCalls: 1, first: undefined });
});
