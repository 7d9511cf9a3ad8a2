// The law of a remembered denial, for any memory of denials: never longer than half a second, never past the moment at which the cost
// fits, never for a smaller cost, never under other settings.
import assert from 'node:assert/strict';
import type { RememberedDenials } from '../../src/services/admission/rememberedDenials.js';
import { denied, fullLimit } from './decisions.js';

/** What the law is about. */
export type DenialMemory = Pick<RememberedDenials, 'keep' | 'denialOf' | 'forget'>;

const HOUR_MS = 3_600_000;
const SETTINGS = {};

/** Throws where the memory is wrong. */
export function remembersDenialsRightly(make: () => DenialMemory): void {
  const denialAt = (resetAtMs: number) =>
    denied({
      ...{ cost: 3, label: { decidedAtMs: 5_000, usageDate: '2026-11-24', resetNumber: 0 } },
      limits: [fullLimit({ resetAtMs, fitsAtMs: resetAtMs })],
    });
  const kept = (resetAtMs: number): DenialMemory => {
    const memory = make();
    memory.keep(SETTINGS, denialAt(resetAtMs), 100);
    return memory;
  };
  const isDenied = (memory: DenialMemory, cost: number, nowMs: number, settings: object = SETTINGS) =>
    memory.denialOf('acme', settings, cost, nowMs) !== undefined;

  assert.ok(isDenied(kept(HOUR_MS), 3, 100), 'at once');
  assert.ok(isDenied(kept(HOUR_MS), 3, 599), 'for half a second');
  // What another process gives back must be found again.
  assert.ok(!isDenied(kept(HOUR_MS), 3, 600), 'no longer, however long the window');
  assert.ok(isDenied(kept(5_200), 3, 299), 'until the window ends');
  assert.ok(!isDenied(kept(5_200), 3, 300), 'not past the end of the window');
  assert.ok(isDenied(kept(HOUR_MS), 4, 200), 'for a larger cost');
  assert.ok(!isDenied(kept(HOUR_MS), 2, 200), 'not for a smaller one, which may fit');
  assert.ok(!isDenied(kept(HOUR_MS), 3, 200, {}), 'not under other settings');
  const forgotten = kept(HOUR_MS);
  forgotten.forget('acme');
  assert.ok(!isDenied(forgotten, 3, 200), 'not after something was granted');
}
