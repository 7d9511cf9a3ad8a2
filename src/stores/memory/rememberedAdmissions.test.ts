import { expect, test } from 'vitest';
import { windowAt } from '../../../test/quota/tenantCounters.js';
import { REMEMBER_MS, type RememberedAdmission } from '../../core/quota/remembered.js';
import { memoryCounterStore } from './memoryCounterStore.js';
import { RememberedAdmissions } from './rememberedAdmissions.js';

const START = 20_000 * 86_400_000;
const CONTENT = 'ab'.repeat(16);

const admissionAt = (timeMs: number): RememberedAdmission => ({
  ...{ content: CONTENT, timeMs, resetNumber: 0, dayStart: undefined, reservation: undefined, passing: [] },
});

test('for ten minutes a repeat charges nothing; then the key may charge again, also with another content', async () => {
  const clock = { now: START };
  const store = memoryCounterStore({ wallMs: () => clock.now, monotonicMs: () => clock.now });
  const windows = [windowAt('hour', 100, 3_600_000, START)];
  const told = async (content: string) => {
    const remember = { key: 'cd'.repeat(16), content, day: undefined };
    const reply = await store.charge({ tenantId: 'a', costs: [7], windows, resetNumber: 0, remember });
    return reply.outcome === 'decided' ? reply.charged : reply.outcome;
  };
  expect(await told(CONTENT)).toBe(7);
  clock.now += REMEMBER_MS - 1;
  expect([await told(CONTENT), await told('ef'.repeat(16))]).toEqual([0, 'conflict']);
  clock.now += 1;
  expect([await told('ef'.repeat(16)), await told(CONTENT)]).toEqual([7, 'conflict']);
});

test('what is over takes no room, and above the bound the oldest goes first', () => {
  const remembered = new RememberedAdmissions(100);
  for (let index = 0; index < 150; index += 1) remembered.keep('a', `k${index}`, admissionAt(START + index));
  expect(remembered.size).toBe(100);
  expect([remembered.of('a', 'k49', START + 150), remembered.of('a', 'k50', START + 150)?.timeMs]).toEqual([
    undefined,
    START + 50,
  ]);
  const later = START + 150 + REMEMBER_MS;
  for (let index = 0; index < 60; index += 1) remembered.keep('b', `k${index}`, admissionAt(later));
  expect(remembered.size).toBe(60);
});

test('a key that is used again after its time is as new as any', () => {
  const remembered = new RememberedAdmissions(2);
  remembered.keep('a', 'old', admissionAt(START));
  remembered.keep('a', 'other', admissionAt(START + 1));
  remembered.keep('a', 'old', admissionAt(START + REMEMBER_MS));
  remembered.keep('a', 'third', admissionAt(START + REMEMBER_MS));
  expect(remembered.of('a', 'old', START + REMEMBER_MS)?.timeMs).toBe(START + REMEMBER_MS);
});

test('a store that has no room for the tenant remembers nothing', () => {
  const store = memoryCounterStore({ wallMs: () => START, monotonicMs: () => START }, { maxLiveTenants: 0 });
  const windows = [windowAt('hour', 100, 3_600_000, START)];
  const remember = { key: 'cd'.repeat(16), content: CONTENT, day: undefined };
  const full = expect.objectContaining({ code: 'counter_store_unavailable' });
  for (let time = 0; time < 2; time += 1)
    expect(() => store.charge({ tenantId: 'a', costs: [7], windows, resetNumber: 0, remember })).toThrow(full);
});
