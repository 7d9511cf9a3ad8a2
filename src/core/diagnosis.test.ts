import { describe, expect, it } from 'vitest';
import { diagnose, type InstallationFacts } from './diagnosis.js';

const NOW = Date.parse('2026-05-01T12:00:00Z');
const DAY_MS = 86_400_000;
const HEALTHY: InstallationFacts = {
  nowMs: NOW,
  ledgerFault: undefined,
  toMigrate: [],
  quarantinedRows: 0,
  gaps: { total: 0, latestAtMs: undefined },
  producers: [],
  countersAreShared: true,
  storeFault: undefined,
  clockOffsetMs: 1_000,
  leftAlone: [],
  damagedFiles: [],
};
const producer = (isLive: boolean, hasJournal = true) => ({
  ...{ producerId: 'p', host: 'h', pid: 7, hasJournal, isLive },
  lastSeenAtMs: NOW,
  flushedUntilMs: NOW as number | undefined,
});
const behind = (minutes: number) => ({ ...producer(true), flushedUntilMs: NOW - minutes * 60_000 });
const HOUR_MS = 3_600_000;
const collected = (agoMs: number) => ({
  last: { collectedAtMs: NOW - agoMs, tenants: 5, everyMs: HOUR_MS },
  ...{ failures: 0, failure: undefined },
});
const found = (facts: Partial<InstallationFacts>) =>
  diagnose({ ...HEALTHY, ...facts }).map(({ code, isWrong }) => [code, isWrong]);

describe('each fact has its finding', () => {
  it.each<[string, Partial<InstallationFacts>, [string, boolean][]]>([
    ['nothing', {}, []],
    ['a ledger that is away', { ledgerFault: 'refused' }, [['ledger_away', true]]],
    ['migrations', { toMigrate: ['one'] }, [['migrations_pending', true]]],
    ['quarantined rows', { quarantinedRows: 2 }, [['quarantined_rows', true]]],
    ['a collection of storage in time', { storageCollection: collected(2 * HOUR_MS) }, [['storage_collected', false]]],
    ['one that nobody runs any more', { storageCollection: collected(3 * HOUR_MS) }, [['storage_not_collected', true]]],
    ['one that was given up', { storageCollection: collected(36 * DAY_MS) }, [['storage_collected', false]]],
    [
      'one that fails',
      { storageCollection: { ...collected(HOUR_MS), failures: 3, failure: 'no bucket' } },
      [['storage_not_collected', true]],
    ],
    [
      'one that has failed from the first',
      { storageCollection: { last: undefined, failures: 1, failure: undefined } },
      [['storage_not_collected', true]],
    ],
    ['the first that is under way', { storageCollection: { last: undefined, failures: 0, failure: undefined } }, []],
    ['a fresh gap', { gaps: { total: 1, latestAtMs: NOW - 34 * DAY_MS } }, [['usage_gap', true]]],
    [
      'an old gap, which nobody can undo',
      { gaps: { total: 1, latestAtMs: NOW - 36 * DAY_MS } },
      [['usage_gap', false]],
    ],
    ['two live producers with shared counters', { producers: [producer(true), producer(true)] }, []],
    [
      'two live producers that count alone',
      { producers: [producer(true), producer(true)], countersAreShared: false },
      [['producers_count_alone', true]],
    ],
    [
      'one of each',
      { producers: [producer(true), producer(false)], countersAreShared: false },
      [['silent_producer', false]],
    ],
    ['a process that lives and has not flushed for long', { producers: [behind(10)] }, [['unflushed_producer', true]]],
    ['one that idles', { producers: [behind(9)] }, []],
    ['one of a version that does not say it', { producers: [{ ...behind(0), flushedUntilMs: undefined }] }, []],
    [
      'a counter store that is away',
      { storeFault: 'refused', clockOffsetMs: undefined },
      [['counter_store_away', true]],
    ],
    ['clocks that are apart, either way', { clockOffsetMs: -1_001 }, [['clock_offset', true]]],
    ['a journal of another ledger', { leftAlone: [{ producerId: 'p', reason: 'other' }] }, [['foreign_journal', true]]],
    [
      'damaged records',
      { damagedFiles: ['a', 'b'] },
      [
        ['damaged_records', true],
        ['damaged_records', true],
      ],
    ],
  ])('%s', (_, facts, expected) => {
    expect(found(facts)).toEqual(expected);
  });

  it('what is wrong comes before what is worth knowing', () => {
    expect(found({ producers: [producer(false)], storeFault: 'x' })).toEqual([
      ['counter_store_away', true],
      ['silent_producer', false],
    ]);
  });

  it('says of a silent producer what became of its usage', () => {
    const whatToDo = (hasJournal: boolean) =>
      diagnose({ ...HEALTHY, producers: [producer(false, hasJournal)] })[0]?.whatToDo;
    expect(whatToDo(true)).toContain('brings its journal');
    expect(whatToDo(false)).toContain('lost');
  });
});
