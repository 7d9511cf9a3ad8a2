// The conformance suite of the counter store: what every store promises, shipped to those who write their own.
import { chargeCases } from './chargeCases.js';
import type { CounterStoreCase } from './counterStoreCase.js';
import { floorCases } from './floorCases.js';
import { groupCases } from './groupCases.js';
import { leaseCases } from './leaseCases.js';
import { meterCases } from './meterCases.js';
import { rememberedCases } from './rememberedCases.js';
import { reservationCases } from './reservationCases.js';
import { resetCases } from './resetCases.js';
import { slidingCases } from './slidingCases.js';
import { windowCases } from './windowCases.js';

/**
 * All guarantees of the `CounterStore` port as cases for any test framework.
 *
 * @example
 * ```ts
 * for (const { name, run } of counterStoreCases) test(name, () => run(() => myCounterStore()));
 * ```
 */
export const counterStoreCases: readonly CounterStoreCase[] = [
  ...[...chargeCases, ...windowCases, ...floorCases, ...groupCases, ...slidingCases],
  ...[...resetCases, ...leaseCases, ...reservationCases, ...meterCases, ...rememberedCases],
];
