import { expect, test } from 'vitest';
import { decision, denied } from '../../../test/quota/decisions.js';
import type { Decision } from '../../core/quota/decision.js';
import { chargesOf, keyedCommits } from './decisionRows.js';

test.each<[string, Decision, ReturnType<typeof chargesOf>]>([
  ['admitted: its units', decision({ cost: 5 }), [{ meter: '', units: 5, overage: 0 }]],
  ['above a soft limit: the overage too', decision({ cost: 5, overage: 2 }), [{ meter: '', units: 5, overage: 2 }]],
  ['a look: nothing', decision({ cost: 0 }), []],
  ['an estimate: nothing, its commit is booked', decision({ cost: 5, isReservation: true }), []],
  [
    'let pass by a policy: units',
    decision({ outcome: 'unconfirmed', cost: 5, chargeUnknown: true }),
    [{ meter: '', units: 5, overage: 0 }],
  ],
  ['denied: one denial', denied({ cost: 5 }), [{ meter: '', denied: 1, unconfirmed: 0 }]],
  // The store may have charged what the process's own counters then refused.
  [
    'denied after an unknown charge: both',
    denied({ cost: 5, chargeUnknown: true }),
    [{ meter: '', denied: 1, unconfirmed: 5 }],
  ],
  [
    'refused after an unknown charge',
    decision({ outcome: 'unavailable', allowed: false, cost: 5, chargeUnknown: true }),
    [{ meter: '', unconfirmed: 5 }],
  ],
  ['refused, never sent', decision({ outcome: 'unavailable', allowed: false, cost: 5 }), []],
  ['a cost that can never pass', decision({ outcome: 'cost_exceeds_limit', allowed: false, cost: 5 }), []],
])('%s', (_, made, booked) => {
  expect(chargesOf(made)).toEqual(booked);
});

const KEY = '0f'.repeat(16);
const KEYED = { key: KEY, apiCalls: 1, first: undefined };
const METERED = decision({
  ...{ cost: 5, overage: 2, keyed: KEYED },
  meterCosts: [{ meter: 'tokens', units: 70 }],
  meterOverages: [{ meter: 'tokens', units: 7 }],
});

test('under a key: each meter once by a key of its own, the call with the own units', () => {
  const [own, tokens, ...others] = keyedCommits(METERED, KEYED, true);
  expect(own).toMatchObject({ meter: '', units: 5, overage: 2, apiCalls: 1, key: Buffer.from(KEY, 'hex') });
  expect(tokens).toMatchObject({ meter: 'tokens', units: 70, overage: 7, apiCalls: 0 });
  expect([tokens?.key.length, tokens?.key.equals(own?.key ?? Buffer.alloc(0)), others]).toEqual([16, false, []]);
  expect(keyedCommits(METERED, KEYED, true)[1]?.key).toEqual(tokens?.key);
});

test.each([
  ['an estimate: its call, its commit is booked', { cost: 5, isReservation: true }, true, { units: 0, apiCalls: 1 }],
  ['nothing but a call', { cost: 0 }, true, { units: 0, apiCalls: 1 }],
  ['where no usage is metered: units alone', { cost: 5 }, false, { units: 5, apiCalls: 0 }],
])('under a key, %s', (_, more, metering, booked) => {
  const rows = keyedCommits(decision({ ...more, keyed: KEYED }), KEYED, metering);
  expect(rows).toEqual([expect.objectContaining(booked)]);
});
