// What is written is read again, and what was not written by us is never taken for a record.
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageIncrements } from '../../core/usage/increments.js';
import type { JournalRecord } from '../../ports/usageJournal.js';
import { decodeRecords, encodeRecord } from './recordLine.js';

const id = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1 }),
  fc.constantFrom('__proto__', 'a\nb', '\u0000', '\ud800', '水'),
);

const record: fc.Arbitrary<JournalRecord> = fc
  .record({
    from: fc.nat(2 ** 50),
    tenants: fc.uniqueArray(id, { minLength: 1, maxLength: 3 }),
    users: fc.uniqueArray(id, { maxLength: 3 }),
    count: fc.maxSafeNat(),
    hasMeters: fc.boolean(),
  })
  .map(({ from, tenants, users, count, hasMeters }) => {
    const increments = new UsageIncrements();
    for (const tenant of tenants) {
      increments.addCalls(tenant, '2026-11-24', count);
      const amounts = { units: count, denied: 1, unconfirmed: 2, overage: 3 };
      increments.addCharge(tenant, '2026-11-24', { meter: 'm', resetNumber: count, ...amounts });
      for (const user of users) increments.addUser(tenant, '2026-11-25', user);
      increments.addStorage(tenant, { atSeconds: 7, bytes: count, id: '0192' });
      const commit = { usageDate: '2026-11-24', meter: '', resetNumber: 0, units: count, key: 'ff'.repeat(16) };
      increments.addCommit(tenant, commit);
      increments.addCommit(tenant, { ...commit, key: 'fe'.repeat(16), apiCalls: 1, overage: count });
      if (!hasMeters) continue;
      const point = { atSeconds: 8, bytes: count, id: '0193' };
      for (const meter of ['tokens', 'rows']) increments.addMeter(tenant, '2026-11-24', meter, count);
      increments.addLevel(tenant, { meter: 'seats', ...point });
      const use = { usageDate: '2026-11-24', apiCalls: 1, meter: 'tokens', amount: count, level: undefined };
      increments.addKeyed(tenant, { ...use, key: '01'.repeat(16) });
      increments.addKeyed(tenant, { ...use, meter: 'seats', amount: 0, level: point, key: '02'.repeat(16) });
    }
    return { from, to: from + 1, increments };
  });

const linesOf = (records: readonly JournalRecord[]) => Buffer.concat(records.map(encodeRecord));

describe('records as lines', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 4 }), (records) => {
        expect(decodeRecords(linesOf(records))).toEqual({ records, corrupt: [], torn: Buffer.alloc(0) });
      }),
      { numRuns: 500 },
    );
  });

  it('of the version before have commits of units alone', () => {
    const rest = '0 1 [["a",[],[],[["2026-11-24","",0,7,"ff"]]]]';
    const line = Buffer.from(`${crc32(rest).toString(16).padStart(8, '0')} ${rest}\n`);
    const increments = new UsageIncrements();
    increments.addCommit('a', { usageDate: '2026-11-24', meter: '', resetNumber: 0, units: 7, key: 'ff' });
    const old = { from: 0, to: 1, increments };
    expect(decodeRecords(line).records).toEqual([old]);
    expect(encodeRecord(old)).toEqual(line);
  });

  it('are whole or torn, wherever the file ends', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 3 }), fc.nat(), (records, cut) => {
        const bytes = linesOf(records);
        const at = cut % bytes.length;
        const read = decodeRecords(bytes.subarray(0, at));
        expect(read.corrupt).toEqual([]);
        expect(read.records).toEqual(records.slice(0, read.records.length));
        expect(linesOf(read.records).length + read.torn.length).toBe(at);
      }),
      { numRuns: 500 },
    );
  });

  it('are put aside where a byte changed, and the others around them are read', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (records, where, change) => {
          const bytes = linesOf(records);
          const at = where % bytes.length;
          bytes.writeUInt8(bytes.readUInt8(at) ^ change, at);
          const read = decodeRecords(bytes);
          const expected = records.map((one) => JSON.stringify([one.from, [...one.increments.tenants.keys()]]));
          const found = read.records.map((one) => JSON.stringify([one.from, [...one.increments.tenants.keys()]]));
          // One changed byte spoils one line, or joins two.
          expect(found.length).toBeGreaterThanOrEqual(records.length - 2);
          expect(found.length).toBeLessThan(records.length);
          expect(expected).toEqual(expect.arrayContaining(found));
          for (const one of read.records) expect(records).toContainEqual(one);
        },
      ),
      { numRuns: 500 },
    );
  });
});
