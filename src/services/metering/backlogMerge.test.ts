// A merge has as many records as it replaces, at the most, whatever a tenant's day is parted into; nothing of it is lost.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageIncrements } from '../../core/usage/increments.js';
import { mergeBacklog } from './backlogMerge.js';
import { UsageBuffer } from './usageBuffer.js';

const DAY = '2026-11-24';

test('portions follow each other from the first record to the last, and none is empty', async () => {
  const booking = fc.record({ tenant: fc.nat(1), users: fc.nat(4), meters: fc.nat(3) });
  const property = fc.asyncProperty(
    fc.array(booking, { minLength: 2, maxLength: 6 }),
    fc.integer({ min: 1, max: 5 }),
    async (segments, portionRows) => {
      const buffer = new UsageBuffer({ onSaturated: () => {} });
      const booked = new UsageIncrements();
      for (const [at, { tenant, users, meters }] of segments.entries()) {
        for (const into of [buffer, booked]) {
          into.addCalls(`t${tenant}`, DAY, 1);
          for (let user = 0; user < users; user += 1) into.addUser(`t${tenant}`, DAY, `u${at} ${user}`);
          for (let meter = 0; meter < meters; meter += 1) into.addMeter(`t${tenant}`, DAY, `m${meter}`, 1);
        }
        buffer.seal();
      }
      await mergeBacklog(buffer, undefined, { leastWeight: 0, portionRows });
      const sum = new UsageIncrements();
      let position = 0;
      for (const segment of buffer.sealed) {
        expect(segment.from).toBe(position);
        expect(segment.to).toBeGreaterThan(segment.from);
        position = segment.to;
        sum.addAll(segment.increments);
      }
      expect(position).toBe(segments.length);
      expect(sum.tenants).toEqual(booked.tenants);
    },
  );
  await fc.assert(property, { numRuns: 500 });
});
