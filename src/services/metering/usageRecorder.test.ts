import { expect, test } from 'vitest';
import { decision, denied } from '../../../test/quota/decisions.js';
import type { Decision } from '../../core/quota/decision.js';
import { chargesOf } from './usageRecorder.js';

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
