// Decisions for tests of what reads them: one that was admitted, with a limit of 60 a minute, unless told otherwise.
import type { Decision, LimitState } from '../../src/core/quota/decision.js';

export const limitState = (more: Partial<LimitState> = {}): LimitState => ({
  ...{ name: 'minute', limit: 60, enforce: 'hard', used: 1, held: 0, remaining: 59, violated: false },
  ...{ startMs: 0, resetAtMs: 60_000, fitsAtMs: 60_000 },
  ...more,
});

export const decision = (more: Partial<Decision> = {}): Decision => ({
  ...{ outcome: 'admitted', allowed: true, tenantId: 'acme', cost: 1, exceeded: [], chargeUnknown: false },
  ...{ label: { decidedAtMs: 0, usageDate: '2026-11-24', resetNumber: 0 }, limits: [limitState()] },
  ...{ meterCosts: [], overage: 0, meterOverages: [], crossed: [], settingsVersion: 0, isReservation: false },
  ...more,
});

/** A limit that has no room. */
export const fullLimit = (more: Partial<LimitState> = {}): LimitState =>
  limitState({ used: 60, remaining: 0, violated: true, ...more });

export const denied = (more: Partial<Decision> = {}): Decision =>
  decision({ outcome: 'denied', allowed: false, limits: [fullLimit()], ...more });
