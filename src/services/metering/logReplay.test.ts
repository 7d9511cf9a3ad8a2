// Replay against a ledger in memory that keeps the port's promises: here every point of failure and growth can be tried. The
// same on real databases: test/e2e/replay.test.ts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { TallygateError } from '../../core/errors.js';
import { type TenantCalendar, UTC_CALENDAR } from '../../core/time/calendar.js';
import { NO_SUMS, type ReplayBatch, type ReplayPosition } from '../../ports/usageLedger.js';
import { type ReplayRequest, replayLog } from './logReplay.js';
import { applyReplayStep } from './replayStep.js';

/** Keeps sums and positions; `fail` may throw before or after a batch lands. */
class MemoryLedger {
  readonly positions = new Map<string, ReplayPosition & { options: string }>();
  readonly calls = new Map<string, number>();
  readonly users = new Map<string, number>();
  batches = 0;
  fail: (when: 'before' | 'after') => void = () => undefined;

  async identity() {
    return { ledgerId: 'one', hashKey: Buffer.alloc(32, 7) };
  }

  async replayPosition(source: string) {
    return this.positions.get(source);
  }

  async applyReplay(batch: ReplayBatch): Promise<'applied' | 'lost'> {
    this.fail('before');
    const present = this.positions.get(batch.source);
    if (present?.bytes !== batch.from?.bytes || present?.sha256 !== batch.from?.sha256) return 'lost';
    this.positions.set(batch.source, { ...batch.to, options: batch.options });
    this.batches += 1;
    for (const { tenantId, usageDate, apiCalls } of batch.calls) {
      const key = `${tenantId} ${usageDate}`;
      this.calls.set(key, (this.calls.get(key) ?? 0) + apiCalls);
    }
    for (const { tenantId, month, userHash, dayMask } of batch.users) {
      const key = `${tenantId} ${month} ${userHash.toString('hex')}`;
      this.users.set(key, (this.users.get(key) ?? 0) | dayMask);
    }
    this.fail('after');
    return 'applied';
  }

  sums(): Record<string, number> {
    return Object.fromEntries(this.calls);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'tallygate-replay-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const line = (host: string, time: string, user = '-'): string =>
  `${host} - ${user} [${time}] "GET /x HTTP/1.1" 200 5 "-" "agent"\n`;
const MAY_17 = '17/May/2015:10:00:00 +0000';
const MAY_18 = '18/May/2015:10:00:00 +0000';

let files = 0;
function replay(ledger: MemoryLedger, log: string | Buffer, options: Partial<ReplayRequest> = {}) {
  files += 1;
  const file = join(folder, `${files}.log`);
  writeFileSync(file, log);
  const calendarOf = (tenantId: string): TenantCalendar =>
    tenantId === 'tokyo' ? { ...UTC_CALENDAR, timeZone: 'Asia/Tokyo' } : UTC_CALENDAR;
  const request = { file, stdin: Readable.from([]), tenantBy: { field: 'host' } as const, ...options };
  return replayLog({ ledger, calendarOf }, request);
}

describe('a replay meters each line at its own time', () => {
  it('by tenant and day, in the tenant’s present zone', async () => {
    const ledger = new MemoryLedger();
    const late = '17/May/2015:20:00:00 +0000';
    const summary = await replay(
      ledger,
      line('a', MAY_17) + line('a', MAY_18) + line('tokyo', late) + line('a', MAY_17),
    );
    expect(ledger.sums()).toEqual({ 'a 2015-05-17': 2, 'a 2015-05-18': 1, 'tokyo 2015-05-18': 1 });
    expect(summary).toEqual({
      lines: 4,
      metered: 4,
      withoutTenant: 0,
      broken: 0,
      brokenLines: [],
      tenants: 2,
      firstDate: '2015-05-17',
      lastDate: '2015-05-18',
      alreadyMetered: 0,
      unfinishedLine: false,
    });
  });

  it('counts a user once a day, and nobody without --user-by', async () => {
    const ledger = new MemoryLedger();
    const log =
      line('a', MAY_17, 'ada') + line('a', MAY_17, 'ada') + line('a', MAY_18, 'ada') + line('a', MAY_17, 'bob');
    await replay(ledger, log);
    expect(ledger.users.size).toBe(0);
    await replay(ledger, log, { userBy: { field: 'user' }, again: true });
    const bits = (1 << 16) | (1 << 17);
    expect([...ledger.users.values()].sort((one, other) => one - other)).toEqual([1 << 16, bits]);
  });

  it('numbers broken lines by their place in the whole log, and counts lines without a tenant apart', async () => {
    const ledger = new MemoryLedger();
    const log = `${line('a', MAY_17)}broken\n${line('-', MAY_17)}`;
    expect(await replay(ledger, log)).toMatchObject({
      lines: 3,
      metered: 1,
      withoutTenant: 1,
      broken: 1,
      brokenLines: [{ line: 2, reason: 'no host, ident and user' }],
    });
    expect(await replay(ledger, `${log}\nworse\n`)).toMatchObject({
      lines: 2,
      alreadyMetered: 3,
      brokenLines: [{ line: 4, reason: 'an empty line' }, { line: 5 }],
    });
  });
});

describe('the same log doubles nothing', () => {
  const log = line('a', MAY_17) + line('b', MAY_17) + line('a', MAY_18);

  it('again, packed, or through standard input', async () => {
    const ledger = new MemoryLedger();
    await replay(ledger, log);
    const before = ledger.sums();
    for (const options of [{}, { file: '-', stdin: Readable.from([Buffer.from(log)]) }]) {
      expect(await replay(ledger, log, options)).toMatchObject({ lines: 0, alreadyMetered: 3 });
    }
    expect(await replay(ledger, gzipSync(log))).toMatchObject({ lines: 0, alreadyMetered: 3 });
    expect(ledger.sums()).toEqual(before);
  });

  it('however it grows between runs, byte by byte', async () => {
    const whole = new MemoryLedger();
    const text = `${log}broken\r\n\r\n${line('c', MAY_18).replace('\n', '\r\n')}${line('a', MAY_18)}`;
    const { lines, broken } = await replay(whole, text);
    const ledger = new MemoryLedger();
    const grown = { lines: 0, broken: 0 };
    for (let length = 0; length <= text.length; length += 1) {
      const run = await replay(ledger, text.slice(0, length));
      grown.lines += run.lines;
      grown.broken += run.broken;
    }
    expect(ledger.sums()).toEqual(whole.sums());
    expect(grown).toEqual({ lines, broken });
  });

  it('a last line without its end counts where it is whole, and its rest is passed over later', async () => {
    const ledger = new MemoryLedger();
    const whole = line('a', MAY_17).replace(' "-" "agent"\n', '');
    expect(await replay(ledger, whole)).toMatchObject({ lines: 1, metered: 1, unfinishedLine: false });
    expect(await replay(ledger, `${whole} "-" "ag`)).toMatchObject({ lines: 0, alreadyMetered: 1 });
    const grown = `${whole} "-" "agent"\n${line('b', MAY_17)}`;
    expect(await replay(ledger, grown)).toMatchObject({ lines: 1, alreadyMetered: 1 });
    expect(ledger.sums()).toEqual({ 'a 2015-05-17': 1, 'b 2015-05-17': 1 });
  });

  it('a last line that is not whole waits, and is not broken', async () => {
    const ledger = new MemoryLedger();
    const text = log + line('c', MAY_18);
    expect(await replay(ledger, text.slice(0, log.length + 20))).toMatchObject({
      lines: 3,
      broken: 0,
      unfinishedLine: true,
    });
    expect(await replay(ledger, text)).toMatchObject({ lines: 1, metered: 1, alreadyMetered: 3 });
  });

  it('a log without a first line is no log yet', async () => {
    const ledger = new MemoryLedger();
    expect(await replay(ledger, '')).toMatchObject({ lines: 0, unfinishedLine: false });
    expect(await replay(ledger, log.slice(0, 20))).toMatchObject({ lines: 0, unfinishedLine: true });
    expect(ledger.positions.size).toBe(0);
  });
});

describe('a log that is not what was metered is refused', () => {
  const log = line('a', MAY_17) + line('b', MAY_17) + line('a', MAY_18);

  it.each([
    ['shorter', log.slice(0, -30), {}],
    ['changed', log.replace('b -', 'c -'), {}],
    ['read with other options', log, { userBy: { field: 'user' } as const }],
  ])('%s', async (_, text, options) => {
    const ledger = new MemoryLedger();
    await replay(ledger, log);
    const before = ledger.sums();
    await expect(replay(ledger, text, options)).rejects.toMatchObject({
      code: 'replay_refused',
      message: expect.stringMatching(/--source NAME.*--again/),
    });
    expect(ledger.sums()).toEqual(before);
    // Both ways out work, knowingly doubling what is the same.
    expect(await replay(ledger, text, { ...options, sourceName: 'another' })).toMatchObject({ alreadyMetered: 0 });
    expect(await replay(ledger, text, { ...options, again: true })).toMatchObject({ alreadyMetered: 0 });
  });

  it('after --again the log goes on from there, once', async () => {
    const ledger = new MemoryLedger();
    await replay(ledger, log);
    await replay(ledger, log, { again: true });
    expect(ledger.sums()).toEqual({ 'a 2015-05-17': 2, 'b 2015-05-17': 2, 'a 2015-05-18': 2 });
    expect(await replay(ledger, log + line('b', MAY_18))).toMatchObject({ lines: 1, alreadyMetered: 3 });
    expect(ledger.sums()).toMatchObject({ 'b 2015-05-18': 1 });
  });

  it('a name that is none is a fault', async () => {
    await expect(replay(new MemoryLedger(), log, { sourceName: 'a\0' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});

describe('what cannot be read', () => {
  const log = Array.from({ length: 5000 }, (_, index) => line(`h${index % 7}`, MAY_17)).join('');

  it('a gzip file that is cut off counts up to there, and goes on when it is whole', async () => {
    const packed = gzipSync(log, { level: 1 });
    for (const share of [0.3, 0.8, 1]) {
      const ledger = new MemoryLedger();
      const cut = packed.subarray(0, Math.floor(packed.length * share) - 1);
      await expect(replay(ledger, cut)).rejects.toMatchObject({
        code: 'replay_refused',
        message: expect.stringMatching(/gzip file is damaged or cut off.* metered/),
      });
      expect(ledger.positions.size).toBe(1);
      const { lines } = [...ledger.positions.values()][0] as ReplayPosition;
      expect(lines).toBeGreaterThan(5000 * share * 0.9 - 100);
      expect(await replay(ledger, packed)).toMatchObject({ alreadyMetered: lines, lines: 5000 - lines });
    }
  });

  it('gzip members that follow each other are one log', async () => {
    const ledger = new MemoryLedger();
    const members = Buffer.concat([gzipSync(log.slice(0, 1001)), gzipSync(log.slice(1001))]);
    expect(await replay(ledger, members)).toMatchObject({ lines: 5000, metered: 5000 });
    expect(await replay(ledger, log)).toMatchObject({ lines: 0 });
  });

  it.each(['/nowhere/at/all.log', folder])('%s is refused by name', async (file) => {
    await expect(replay(new MemoryLedger(), '', { file })).rejects.toMatchObject({
      code: 'replay_refused',
      message: expect.stringContaining(file),
    });
  });

  it('a line of megabytes counts by its beginning or is broken, and never waits in memory', async () => {
    const long = (head: string): string => `${head}${'x'.repeat(3_000_000)}\n`;
    const head = line('a', MAY_17).replace('agent"\n', '');
    const text = long(head) + long('garbage') + line('b', MAY_17);
    const ledger = new MemoryLedger();
    expect(await replay(ledger, text)).toMatchObject({ lines: 3, metered: 2, brokenLines: [{ line: 2 }] });
    const grown = new MemoryLedger();
    for (const length of [1000, 2_000_000, 3_500_000, 6_000_100, text.length]) {
      await replay(grown, text.slice(0, length));
    }
    expect(grown.sums()).toEqual(ledger.sums());
  });
});

describe('each line once, whatever becomes of the answers', () => {
  const away = () => new TallygateError('ledger_unavailable', 'The ledger is away.');
  const position = (bytes: number): ReplayPosition => ({ bytes, sha256: `hash ${bytes}`, lines: bytes });
  const batch = (from: number | undefined, to: number): ReplayBatch => ({
    source: 'log',
    options: '',
    from: from === undefined ? undefined : position(from),
    to: position(to),
    ...NO_SUMS,
    calls: [{ tenantId: 'a', usageDate: '2015-05-17', apiCalls: 1 }],
  });
  const parts = (ledger: MemoryLedger) => ({ ledger, pause: async () => undefined });

  it.each(['before', 'after'] as const)('an answer that was lost %s the batch landed', async (lost) => {
    const ledger = new MemoryLedger();
    let failures = 3;
    ledger.fail = (when) => {
      if (when === lost && failures-- > 0) throw away();
    };
    await applyReplayStep(parts(ledger), batch(undefined, 10));
    await applyReplayStep(parts(ledger), batch(10, 20));
    expect(ledger.sums()).toEqual({ 'a 2015-05-17': 2 });
  });

  it('who loses to another replay stops, with and without doubt', async () => {
    const ledger = new MemoryLedger();
    await applyReplayStep(parts(ledger), batch(undefined, 10));
    await expect(applyReplayStep(parts(ledger), batch(undefined, 5))).rejects.toMatchObject({ code: 'replay_refused' });
    ledger.fail = () => {
      ledger.fail = () => undefined;
      throw away();
    };
    await expect(applyReplayStep(parts(ledger), batch(undefined, 5))).rejects.toMatchObject({ code: 'replay_refused' });
    expect(ledger.sums()).toEqual({ 'a 2015-05-17': 1 });
  });

  it('a ledger that stays away ends the replay, and the next run goes on', async () => {
    const ledger = new MemoryLedger();
    ledger.fail = () => {
      throw away();
    };
    await expect(applyReplayStep(parts(ledger), batch(undefined, 10))).rejects.toMatchObject({
      code: 'ledger_unavailable',
      message: expect.stringContaining('Run the same command again'),
    });
  });

  it('runs that die anywhere and are repeated sum up to one run', async () => {
    const log = Array.from({ length: 400 }, (_, index) => line(`h${index % 5}`, index % 2 ? MAY_17 : MAY_18)).join('');
    const whole = new MemoryLedger();
    await replay(whole, log);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(log.length), { maxLength: 6 }), fc.array(fc.boolean()), async (cuts, deaths) => {
        const ledger = new MemoryLedger();
        ledger.fail = (when) => {
          if (when === (deaths.length % 2 === 0 ? 'before' : 'after') && deaths.pop()) throw new Error('died');
        };
        for (const cut of [...cuts.sort((one, other) => one - other), ...Array(10).fill(log.length)]) {
          await replay(ledger, log.slice(0, cut)).catch((error: unknown) =>
            expect(error).toHaveProperty('message', 'died'),
          );
        }
        ledger.fail = () => undefined;
        await replay(ledger, log);
        expect(ledger.sums()).toEqual(whole.sums());
      }),
      { numRuns: 30 },
    );
  });
});
