// The command line against an installation in memory: what it prints where, and how it ends. The same on real databases:
// test/e2e/cli.test.ts.
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { InstallationFacts } from '../core/diagnosis.js';
import { invalidRequest, TallygateError, tenantNotFound } from '../core/errors.js';
import type { SettingPatch } from '../core/quota/setting.js';
import { UTC_CALENDAR } from '../core/time/calendar.js';
import type { MonthReport } from '../core/usage/closedMonth.js';
import { runCommandLine } from './commandLine.js';
import type { CommandProducer, CommandReconcile, CommandReplay, Installation } from './installation.js';
import { progressText } from './progressBar.js';

const FIGURES = { apiCalls: 3, storageBytes: 5, activeUsers: 2, storageCoverage: 1 };
const MINUTE = { name: 'minute', limit: 60, window: 'minute', source: 'plan', enforce: 'hard' } as const;
const DAY = { name: 'day', limit: 'unlimited', window: 'day', source: 'override', enforce: 'hard' } as const;
const STATE = { enforce: 'hard', startMs: 0, used: 7, held: 0, violated: false, fitsAtMs: 0 } as const;

/** A month, closed with one call less than it has now, or open. */
function monthOf(tenantId: string, month: string, closedAt: string | undefined): MonthReport {
  const open = { tenantId, month, closed: null, asInvoiced: null, since: null, now: FIGURES };
  if (closedAt === undefined) return open;
  const asInvoiced = { totals: { ...FIGURES, apiCalls: 2 }, daily: [], asOf: closedAt };
  const since = { totals: { apiCalls: 1, storageBytes: 0, activeUsers: 0 }, days: [] };
  return { ...open, closed: { at: closedAt, author: 'cli' }, asInvoiced, since };
}

const HEALTHY: InstallationFacts = {
  ...{ nowMs: 0, ledgerFault: undefined, toMigrate: [], quarantinedRows: 0, producers: [] },
  ...{ gaps: { total: 0, latestAtMs: undefined }, countersAreShared: true, storeFault: undefined },
  ...{ clockOffsetMs: 0, leftAlone: [], damagedFiles: [] },
};
const REFUSED = '01900000-0000-7000-8000-000000000002';
const ROW = {
  ...{ id: '01900000-0000-7000-8000-000000000001', producerId: 'p', from: 0, to: 2, kind: 'call' },
  ...{ content: '{"tenantId":"a\\u0000"}', reason: 'no text', quarantinedAtMs: 0 },
};

function counted(tenantId: string): string {
  if (tenantId === 'uncounted') throw new TallygateError('counter_store_unavailable', 'The store is away.');
  return tenantId;
}

/** Answers with fixed figures and remembers what was asked. */
/** A report with own meters: a level that is known on its second day only. */
const [LEVEL, NO_LEVEL] = [
  { average: 4, peak: 4, last: 4, coverage: 1 },
  { average: 0, peak: 0, last: 0, coverage: 0 },
];
const METERED = {
  totals: { ...FIGURES, meters: { tokens: 1200, seats: 4 }, levels: { seats: LEVEL }, overage: { units: 7 } },
  daily: [
    {
      ...{ date: '2024-01-01', ...FIGURES, overage: { units: 7 } },
      ...{ meters: { tokens: 1200, seats: 0 }, levels: { seats: NO_LEVEL } },
    },
    {
      ...{
        date: '2024-01-02',
        apiCalls: 0,
        storageBytes: 0,
        activeUsers: 0,
        storageCoverage: 0,
        noData: true as const,
      },
      ...{ meters: { tokens: 0, seats: 4 }, levels: { seats: LEVEL } },
    },
  ],
  meters: { tokens: { kind: 'counter', unit: 'token' }, seats: { kind: 'level', unit: 'seat' } } as const,
  ...{ complete: true, gaps: [] },
};

class FixedInstallation implements Installation {
  readonly asked: unknown[] = [];
  pending: string[] = [];
  closed = 0;

  async ready() {
    this.asked.push('ready');
  }

  readonly usageService = {
    query: async (tenantId: string, period: { from: string; to: string } | undefined) => {
      this.asked.push(period);
      if (tenantId === 'nobody') throw new TallygateError('tenant_not_found', 'No such\ntenant.');
      const daily = [{ date: '2024-01-01', ...FIGURES }];
      const report = {
        tenantId,
        period: period ?? { from: '2024-01-01', to: '2024-01-01' },
        totals: FIGURES,
        asOf: 'now',
      };
      if (tenantId === 'metered') return { ...METERED, tenantId, period: report.period, asOf: 'now' };
      if (tenantId !== 'gappy') return { ...report, daily, complete: true, gaps: [] };
      const nothing = { apiCalls: 0, storageBytes: 0, activeUsers: 0, storageCoverage: 0, noData: true } as const;
      const zero = { ...FIGURES, apiCalls: 0, storageBytes: 0, activeUsers: 0 };
      const gap = { since: 'A', until: 'B', records: 5, reason: 'lost', producerId: 'p' };
      const days = [
        { date: '2024-01-01', ...nothing },
        { date: '2024-01-02', ...zero },
      ];
      return { ...report, daily: days, complete: false, gaps: [gap], quarantinedRows: 2 };
    },
  };

  readonly closedPeriods = {
    close: async (...asked: readonly [tenantId: string, month: string, closing: { readonly incomplete: boolean }]) => {
      this.asked.push(asked);
      return monthOf(asked[0], asked[1], '2024-02-01T00:00:00.000Z');
    },
    read: async (tenantId: string, month: string) => {
      if (month === '2024-13') throw invalidRequest([{ location: 'month', message: 'expected a month YYYY-MM' }]);
      return monthOf(tenantId, month, undefined);
    },
  };

  readonly quotaService = {
    quotaOf: () => ({ plan: 'pro', calendar: UTC_CALENDAR, limits: [MINUTE, DAY] }),
    merge: async (_: string, patch: SettingPatch) => {
      this.asked.push(patch);
      return this.quotaService.quotaOf();
    },
    reset: async (tenantId: string, reset: { readonly reason: string; readonly author: string }) => {
      if (tenantId === 'nobody') throw tenantNotFound();
      this.asked.push(reset);
      return this.quotaService.quotaOf();
    },
  };

  readonly admission = {
    look: async (tenantId: string) => ({
      outcome: 'admitted' as const,
      allowed: true,
      tenantId: counted(tenantId),
      cost: 0,
      label: { decidedAtMs: 0, usageDate: '1970-01-01', resetNumber: 0 },
      limits: [
        { ...STATE, name: 'minute', limit: 60, remaining: 53, resetAtMs: 60_000 },
        { ...STATE, name: 'day', limit: undefined, remaining: undefined, resetAtMs: 86_400_000 },
      ],
      exceeded: [],
      chargeUnknown: false,
      meterCosts: [],
      overage: 0,
      meterOverages: [],
      isReservation: false,
      settingsVersion: 0,
      crossed: [],
    }),
  };

  readonly upkeep = {
    quarantined: async (most: number) => ({ total: 3, rows: [ROW, { ...ROW, id: REFUSED }].slice(0, most) }),
    retryQuarantined: async (id: string) => {
      this.asked.push(['retry', id]);
      return id === REFUSED ? { outcome: 'refused' as const, reason: 'no room' } : { outcome: 'applied' as const };
    },
    discardQuarantined: async (id: string) => {
      this.asked.push(['discard', id]);
      return id === ROW.id ? ROW : undefined;
    },
  };

  async eraseUser(...user: [string, string]) {
    this.asked.push(user);
    return user[1] === 'nobody' ? 0 : 3;
  }

  async reconcile({ tenantIds, onTenant, ...rest }: CommandReconcile) {
    this.asked.push(rest);
    const all = tenantIds ?? ['acme', 'odd', 'users'];
    for (const tenantId of all) onTenant(reconciled(tenantId));
    return { tenants: all.length, notFlushed: this.notFlushed, pendingUnknown: this.pendingUnknown };
  }

  notFlushed: CommandProducer[] = [];
  pendingUnknown: CommandProducer[] = [];

  facts: Partial<InstallationFacts> = {};

  async examine() {
    return { ...HEALTHY, ...this.facts };
  }

  async replayLog(request: CommandReplay) {
    const { stdin: _, onProgress: __, ...rest } = request;
    this.asked.push(rest);
    request.onProgress?.({ lines: 1, bytesRead: 1, size: 2 });
    const brokenLines = [{ line: 2, reason: 'an empty line' }];
    const counts = { lines: 3, metered: 1, withoutTenant: 1, broken: 1, tenants: 1, alreadyMetered: 0 };
    return { ...counts, brokenLines, firstDate: '2015-05-17', lastDate: '2015-05-18', unfinishedLine: false };
  }

  async migrate() {
    const applied = this.pending;
    this.pending = [];
    return { applied };
  }

  async migrationStatus() {
    return { applied: ['one'], pending: this.pending, missing: [] };
  }

  async close() {
    this.closed += 1;
  }
}

function reconciled(tenantId: string) {
  const rest = tenantId === 'odd' ? 2 : 0;
  const pending = [{ producerId: 'p', units: 4, unconfirmed: 0 }];
  const window = {
    ...{ name: 'day', meter: '', start: 'now', used: 12 + rest, held: 3, ledger: 5, pending, unconfirmed: 1, rest },
    ...{ between: { least: rest || -1, most: rest + 3 }, isMoving: rest > 0 },
  };
  const day = { usageDate: '2024-01-01', figure: 'active_users' as const, recorded: 2, counted: 1 };
  return { tenantId, windows: [window], days: tenantId === 'users' ? [day] : [] };
}

async function run(
  line: string,
  options: {
    env?: Record<string, string>;
    pending?: string[];
    isWatched?: boolean;
    facts?: Partial<InstallationFacts>;
    notFlushed?: CommandProducer[];
    pendingUnknown?: CommandProducer[];
  } = {},
) {
  const installation = new FixedInstallation();
  installation.pending = options.pending ?? [];
  installation.facts = options.facts ?? {};
  installation.notFlushed = options.notFlushed ?? [];
  installation.pendingUnknown = options.pendingUnknown ?? [];
  const written = { stdout: '', stderr: '' };
  const terminal = {
    stdin: Readable.from([]),
    result: (text: string) => {
      written.stdout += text;
    },
    message: (text: string) => {
      written.stderr += text;
    },
    isWatched: options.isWatched ?? false,
  };
  const parts = { terminal, env: options.env ?? {}, open: async () => installation, serve: async () => 1 as const };
  const status = await runCommandLine(
    parts,
    line.split(' ').filter((word) => word !== ''),
  );
  return { status, installation, ...written };
}

describe('wrong usage ends with 2, before anything is opened', () => {
  it.each([
    ['', /Usage: tallygate/],
    ['nonsense', /unknown command/],
    ['usage', /missing required argument 'tenant'/],
    ['usage .. --from 2024-02-30', /^tenant: .*\n--from: .*\n--to: .*\n$/],
    ['usage acme --from 2024-01-02 --to 2024-01-01', /^--from: expected a day not after/],
    ['usage acme --json --csv', /cannot be used with/],
    ['quota', /Usage: tallygate quota/],
    ['quota set acme', /nothing to set/],
    ['quota set acme --limit day', /NAME=VALUE/],
    ['quota set acme --limit day=sixty', /whole number/],
    ['quota set acme --limit day=9007199254740993', /whole number/],
    ['quota set acme --limit day=default@2027-01-31', /default has no end/],
    ['quota set acme --limit day=@2027-01-31', /whole number/],
    ['quota set acme --limit day=1 --limit day=2', /"day" once/],
    ['quota reset acme', /--reason/],
    ['quarantine', /Usage: tallygate quarantine/],
    ['quarantine retry', /--all/],
    [`quarantine discard --all ${ROW.id}`, /--all/],
    ['quarantine discard acme', /^id: .*"acme"/],
    ['user erase .. ann', /^tenant: /],
    [`user erase acme ${'x'.repeat(513)}`, /^user: /],
    ['replay a.log', /--tenant-by/],
    ['replay a.log --tenant-by path:0', /host, user or path:N/],
    ['replay --tenant-by host', /missing required argument 'file'/],
  ])('tallygate %s', async (line, message) => {
    const { status, installation, stdout, stderr } = await run(line);
    expect(stderr).toMatch(message);
    expect({ status, stdout, asked: installation.asked }).toEqual({ status: 2, stdout: '', asked: [] });
  });

  it('help is no failure', async () => {
    expect(await run('--help')).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('replay') });
  });
});

describe('failures end with 1 and say one line each, on stderr', () => {
  it('an error', async () => {
    const { status, stdout, stderr, installation } = await run('usage nobody');
    expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '', stderr: 'No such tenant.\n' });
    expect(installation.closed).toBe(1);
  });

  it('an error with its stack where LOG_LEVEL=debug', async () => {
    const { stderr } = await run('usage nobody', { env: { LOG_LEVEL: 'debug' } });
    expect(stderr).toMatch(/^No such tenant\.\n.*\n {4}at /s);
  });

  it('all faults of the environment at once', async () => {
    const { status, stderr } = await run('usage acme', { env: { PORT: 'x', QUOTA_FREE_PER_DAY: 'y' } });
    expect(status).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^QUOTA_|^PORT/),
      expect.stringMatching(/^QUOTA_|^PORT/),
    ]);
  });

  it('serve ends as the server does', async () => {
    expect(await run('serve')).toMatchObject({ status: 1, stdout: '', stderr: '' });
  });
});

describe('usage', () => {
  it('asks for the period, or for none', async () => {
    const { installation } = await run('usage acme --from 2024-01-01 --to 2024-01-31');
    expect(installation.asked).toEqual(['ready', { from: '2024-01-01', to: '2024-01-31' }]);
    expect((await run('usage acme')).installation.asked).toEqual(['ready', undefined]);
  });

  it.each([
    ['acme', 'acme'],
    ['a,"b"', '"a,""b"""'],
    ['=1+1', "'=1+1"],
  ])('prints CSV for %s with nothing that a spreadsheet would run', async (tenantId, field) => {
    expect((await run(`usage ${tenantId} --csv`)).stdout).toBe(
      `tenant_id,date,api_calls,storage_bytes,active_users\n${field},2024-01-01,3,5,2\n`,
    );
  });

  it('tells what is not known from what is 0: an empty cell in CSV, a dash in the table', async () => {
    const csv = await run('usage gappy --csv');
    expect(csv.stdout.split('\n').slice(1, 3)).toEqual(['gappy,2024-01-01,,,', 'gappy,2024-01-02,0,0,0']);
    const rows = (await run('usage gappy')).stdout.split('\n').map((line) => line.trim().split(/\s+/));
    expect(rows.slice(1, 3)).toEqual([
      ['2024-01-01', '-', '-', '-'],
      ['2024-01-02', '0', '0', '0'],
    ]);
  });

  it('has a column for each own meter, and for what was above a soft limit, behind those that are always there', async () => {
    const csv = await run('usage metered --csv');
    expect(csv.stdout.trim().split('\n')).toEqual([
      'tenant_id,date,api_calls,storage_bytes,active_users,meter_tokens,meter_seats,overage_units',
      'metered,2024-01-01,3,5,2,1200,,7',
      'metered,2024-01-02,,,,,4,0',
    ]);
    const rows = (await run('usage metered')).stdout.split('\n').map((line) => line.trim().split(/\s\s+/));
    expect(rows.slice(0, 4)).toEqual([
      ['date', 'api calls', 'storage bytes', 'active users', 'tokens', 'seats', 'units above'],
      ['2024-01-01', '3', '5', '2', '1,200', '-', '7'],
      ['2024-01-02', '-', '-', '-', '-', '4', '0'],
      ['total', '3', '5', '2', '1,200', '4', '7'],
    ]);
    expect(JSON.parse((await run('usage metered --json')).stdout).totals.meters).toEqual({ tokens: 1200, seats: 4 });
  });

  it('says on stderr that more may come, and what is missing; JSON has it inside', async () => {
    const { stderr, status } = await run('usage gappy');
    const lines = [/^Not complete: as of now/, /between A and B is missing.*5 records, lost$/, /quarantine: 2$/, /^$/];
    expect(stderr.split('\n')).toEqual(lines.map((line) => expect.stringMatching(line)));
    expect([status, (await run('usage acme')).stderr]).toEqual([0, '']);
    const json = await run('usage gappy --json');
    expect([json.stderr, JSON.parse(json.stdout)]).toEqual(['', expect.objectContaining({ complete: false })]);
  });

  it('prints JSON, or a table with its totals', async () => {
    expect(JSON.parse((await run('usage acme --json')).stdout)).toMatchObject({ tenantId: 'acme', totals: FIGURES });
    expect((await run('usage acme')).stdout).toBe(
      [
        'date        api calls  storage bytes  active users\n',
        '2024-01-01          3              5             2\n',
        'total               3              5             2\n',
      ].join(''),
    );
  });
});

describe('quota', () => {
  it('get shows the limits as the API does', async () => {
    const { status, stdout } = await run('quota get acme --json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      tenantId: 'acme',
      plan: 'pro',
      timeZone: 'UTC',
      billingAnchorDay: 1,
      limits: [
        {
          name: 'minute',
          limit: 60,
          source: 'plan',
          used: 7,
          held: 0,
          remaining: 53,
          resetAt: '1970-01-01T00:01:00.000Z',
        },
        {
          name: 'day',
          limit: 'unlimited',
          source: 'override',
          used: 7,
          held: 0,
          remaining: null,
          resetAt: '1970-01-02T00:00:00.000Z',
        },
      ],
    });
    expect((await run('quota get acme')).stdout).toMatch(/^plan pro, time zone UTC.*\nlimit .*\nminute .*\nday .*\n$/);
  });

  it('set merges what is named, and ends overrides', async () => {
    const { installation } = await run(
      'quota set acme --plan pro --limit minute=100 --limit day=unlimited --limit month=default --time-zone Asia/Tokyo --billing-anchor-day 31',
    );
    expect(installation.asked[1]).toEqual({
      plan: 'pro',
      limits: { minute: 100, day: 'unlimited', month: null },
      timeZone: 'Asia/Tokyo',
      billingAnchorDay: 31,
    });
  });

  it('set takes an end with the number', async () => {
    const { installation } = await run(
      'quota set acme --limit month=500@2027-01-31 --limit day=unlimited@2027-01-31T12:00Z',
    );
    expect(installation.asked[1]).toEqual({
      limits: { month: { limit: 500, until: '2027-01-31' }, day: { limit: 'unlimited', until: '2027-01-31T12:00Z' } },
    });
  });

  it('reset hands the reason on, says who asked, and shows what is left; of nobody it is a failure', async () => {
    const { status, stdout, installation } = await run('quota reset acme --reason outage --json');
    expect(installation.asked).toEqual(['ready', { reason: 'outage', author: 'cli' }]);
    expect([status, JSON.parse(stdout).tenantId]).toEqual([0, 'acme']);
    expect(await run('quota reset nobody --reason outage')).toMatchObject({ status: 1, stdout: '' });
  });

  it('set is done when the change is made, also where the counters are away; get has nothing to show then', async () => {
    const { status, stdout, stderr } = await run('quota set uncounted --plan pro --json');
    expect([status, stderr]).toEqual([0, expect.stringContaining('The change was made.')]);
    expect(JSON.parse(stdout)).toMatchObject({
      plan: 'pro',
      limits: [{ name: 'minute', used: null, resetAt: null }, {}],
    });
    expect(await run('quota get uncounted')).toMatchObject({ status: 1, stdout: '', stderr: 'The store is away.\n' });
  });
});

describe('doctor', () => {
  it('has nothing to say of a healthy installation', async () => {
    expect(await run('doctor')).toMatchObject({ status: 0, stdout: 'Nothing was found.\n', stderr: '' });
    expect(JSON.parse((await run('doctor --json')).stdout)).toEqual({ findings: [] });
  });

  it('says one line a finding, what is wrong first, and ends with 1 where something is', async () => {
    const note = { gaps: { total: 2, latestAtMs: -100 * 86_400_000 } };
    const { status, stdout } = await run('doctor', { facts: note });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^note {3}.*\n$/)]);
    const facts = { ...note, storeFault: 'connection\nrefused.', quarantinedRows: 1 };
    const both = await run('doctor', { facts });
    const lines = [/^wrong {2}Rows /, /^wrong {2}The counter .*connection refused: check/, /^note {3}Usage /, /^$/];
    expect(both.stdout.split('\n')).toEqual(lines.map((line) => expect.stringMatching(line)));
    expect(both.status).toBe(1);
  });
});

describe('reconcile', () => {
  it('shows of each window where it is recorded, and ends with 1 where a rest is unexplained or a day is odd', async () => {
    const { status, stdout, installation } = await run('reconcile acme');
    const line = 'acme  day from now: used 12 = ledger 5 + 4 pending of p + held 3, 1 unconfirmed, unexplained 0';
    expect([status, stdout]).toEqual([0, `${line} (-1 to 3)\n1 tenants, unexplained of 0\n`]);
    expect(installation.asked.at(-1)).toEqual({ days: 31, waitMs: 15_000 });
    const odd = await run('reconcile acme odd --wait 2 --days 0');
    expect([odd.status, odd.stdout]).toEqual([
      1,
      expect.stringMatching(/unexplained 2 \(2 to 5, still moving\)\n2 ten/),
    ]);
    expect(odd.installation.asked.at(-1)).toEqual({ days: 0, waitMs: 2_000 });
    expect(await run('reconcile users')).toMatchObject({ status: 1, stdout: expect.stringMatching(/2 active users/) });
    for (const wrong of ['reconcile ..', 'reconcile --wait soon', 'reconcile --days 367']) {
      expect(await run(wrong)).toMatchObject({ status: 2, stdout: '' });
    }
  });

  it('without a tenant all are looked at and those shown that are wrong, as JSON too', async () => {
    const { status, stdout } = await run('reconcile');
    const lines = [
      /^odd {2}day .* unexplained 2/,
      /^users {2}day/,
      /^users {2}2024-01-01: 2 active/,
      /^3 tenants, .* 2$/,
    ];
    expect(stdout.trimEnd().split('\n')).toEqual(lines.map((line) => expect.stringMatching(line)));
    expect(status).toBe(1);
    const json = JSON.parse((await run('reconcile --json')).stdout);
    expect(json).toEqual({
      tenants: [reconciled('odd'), reconciled('users')],
      ...{ summary: { tenants: 3, unexplained: 2 }, notFlushed: [], pendingUnknown: [] },
    });
    expect(JSON.parse((await run('reconcile acme acme --json')).stdout).tenants).toHaveLength(2);
  });

  it('names who may have more', async () => {
    const silent = { producerId: 'p', host: 'far', pid: 7, hasJournal: true, lastSeenAtMs: 0, flushedUntilMs: 1 };
    const behind = { ...silent, pid: 8, flushedUntilMs: undefined };
    const { stdout } = await run('reconcile acme', { notFlushed: [behind], pendingUnknown: [silent] });
    expect(stdout).toMatch(
      /\nprocess 8 on far \(p\) lives .*version does not say.*\nprocess 7 on far .*1970.*elsewhere\n/,
    );
  });
});

describe('quarantine', () => {
  it('list shows rows with reason and content, and says how many more there are', async () => {
    const { status, stdout, stderr } = await run('quarantine list');
    expect([status, stderr]).toEqual([0, '1 more rows were put aside\n']);
    expect(stdout).toContain(`${ROW.id}  call  1970-01-01T00:00:00.000Z  no text\n  {"tenantId":"a\\u0000"}\n`);
    const { rows, total } = JSON.parse((await run('quarantine list --json')).stdout);
    expect([total, rows[0].content]).toEqual([3, { tenantId: 'a\u0000' }]);
  });

  it('retry tries each row, and ends with 1 where one is refused still', async () => {
    expect(await run(`quarantine retry ${ROW.id}`)).toMatchObject({ status: 0, stdout: `applied    ${ROW.id}\n` });
    const { status, stdout, installation } = await run('quarantine retry --all');
    expect([status, stdout]).toEqual([1, `applied    ${ROW.id}\nrefused    ${REFUSED}  no room\n`]);
    expect(installation.asked.slice(1)).toEqual([
      ['retry', ROW.id],
      ['retry', REFUSED],
    ]);
  });

  it('discard prints what it gives up, and ends with 1 where there is no such row', async () => {
    const { status, stdout } = await run(`quarantine discard ${ROW.id}`);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^discarded {2}.*"tenantId":"a\\u0000"/)]);
    expect(await run(`quarantine discard ${REFUSED}`)).toMatchObject({ status: 1, stdout: `unknown    ${REFUSED}\n` });
  });
});

describe('user', () => {
  it('erase says what was erased, also where nothing was kept', async () => {
    const { status, stdout, installation } = await run('user erase acme ann');
    expect([status, stdout, installation.asked[1]]).toEqual([0, expect.stringContaining('3 months'), ['acme', 'ann']]);
    expect(await run('user erase acme nobody')).toMatchObject({ status: 0, stdout: 'Nothing is kept of this user.\n' });
    expect((await run('user erase acme ann --json')).stdout).toBe('{"tenantId":"acme","months":3}\n');
  });
});

describe('replay', () => {
  it('passes on how to read the log', async () => {
    const { installation } = await run('replay - --tenant-by path:2 --user-by user --source old --again');
    expect(installation.asked[1]).toEqual({
      file: '-',
      tenantBy: { field: 'path', segment: 2 },
      userBy: { field: 'user' },
      sourceName: 'old',
      again: true,
    });
  });

  it('prints its summary on stdout and broken lines on stderr, and no bar where nobody watches', async () => {
    const { status, stdout, stderr } = await run('replay a.log --tenant-by host');
    expect(status).toBe(0);
    expect(stdout).toContain('1 requests metered, 1 tenants, 2015-05-17 to 2015-05-18\n');
    expect(stderr).toBe('line 2 is broken: an empty line\n');
    expect(JSON.parse((await run('replay a.log --tenant-by host --json')).stdout)).toMatchObject({ metered: 1 });
  });

  it('draws a bar on a terminal, and clears it', async () => {
    const { stderr } = await run('replay a.log --tenant-by host', { isWatched: true });
    expect(stderr).toMatch(/\r.*50 % {2}1 lines\r.*line 2 is broken/);
  });

  it.each([
    [{ lines: 1200, bytesRead: 50, size: 100 }, '[===============               ]  50 %  1,200 lines'],
    [{ lines: 1, bytesRead: 200, size: 100 }, '[==============================] 100 %  1 lines'],
    [{ lines: 1200, bytesRead: 50, size: undefined }, '1,200 lines'],
  ])('%j is drawn', (progress, text) => {
    expect(progressText(progress)).toBe(text);
  });
});

describe('migrate', () => {
  const env = { DATABASE_URL: 'postgres://user:word@127.0.0.1/x' };

  it('is not needed on the embedded database, which it does not open', async () => {
    for (const line of ['migrate', 'migrate --status']) {
      const { status, stdout, installation } = await run(line, { pending: ['two'] });
      expect({ status, closed: installation.closed }).toEqual({ status: 0, closed: 0 });
      expect(stdout).toContain('Not needed');
    }
  });

  it('applies what is pending', async () => {
    expect(await run('migrate', { env, pending: ['two'] })).toMatchObject({ status: 0, stdout: 'applied  two\n' });
    expect(await run('migrate', { env })).toMatchObject({ status: 0, stdout: 'Nothing was pending.\n' });
  });

  it('--status ends with 1 where something is pending', async () => {
    expect(await run('migrate --status', { env, pending: ['two'] })).toMatchObject({
      status: 1,
      stdout: 'applied  one\npending  two\n',
    });
    expect(await run('migrate --status --json', { env })).toMatchObject({
      status: 0,
      stdout: '{"applied":["one"],"pending":[],"missing":[]}\n',
    });
  });
});

describe('period', () => {
  it('closes a month, and shows the figure as invoiced beside what came later', async () => {
    const { status, stdout, installation } = await run('period close acme 2024-01');
    expect(status).toBe(0);
    expect(installation.asked).toEqual(['ready', ['acme', '2024-01', { author: 'cli', incomplete: false }]]);
    const all = (await run('period close acme 2024-01 --incomplete')).installation;
    expect(all.asked.at(-1)).toEqual(['acme', '2024-01', { author: 'cli', incomplete: true }]);
    expect(stdout.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['acme, 2024-01: closed 2024-02-01T00:00:00.000Z by cli'],
      ['api calls', 'storage bytes', 'active users'],
      ['as invoiced', '2', '5', '2'],
      ['since', '1', '0', '0'],
      ['now', '3', '5', '2'],
      [''],
    ]);
  });

  it('shows an open month without a figure as invoiced, and as JSON what the API answers', async () => {
    const text = (await run('period show acme 2024-01')).stdout;
    expect(text).toContain('acme, 2024-01: open');
    expect(text).not.toContain('as invoiced');
    const json = JSON.parse((await run('period show acme 2024-01 --json')).stdout);
    expect(json).toEqual(monthOf('acme', '2024-01', undefined));
  });

  it.each(['period close acme', 'period close .. 2024-01', 'period show acme 2024-13', 'period'])(
    '%s is wrong usage',
    async (line) => expect((await run(line)).status).toBe(2),
  );
});
