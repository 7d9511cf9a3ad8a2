// What a simulation prints: the plans side by side, the worst tenants, and nothing that a tenant's id could do to a terminal.
import { describe, expect, it } from 'vitest';
import type { SimulationReport, TenantFinding, TrialFinding } from '../tallygate.js';
import { writeSimulationJson } from './simulationJson.js';
import { simulationText } from './simulationText.js';

const AT = Date.UTC(2015, 4, 17, 10, 5, 3);
const NONE: TrialFinding = { denied: 0, firstDeniedMs: undefined, overage: 0, wouldBeDenied: 0, limits: [] };
const DENIED: TrialFinding = {
  ...NONE,
  denied: 1234,
  firstDeniedMs: AT,
  limits: [{ name: 'minute', enforce: 'hard', requests: 1234, firstMs: AT }],
};
const PASSED: TrialFinding = {
  ...NONE,
  overage: 7,
  limits: [{ name: 'burst', enforce: 'soft', requests: 7, firstMs: AT }],
};

function reportOf(tenants: readonly TenantFinding[]): SimulationReport {
  const affected = tenants.filter(({ plans }) => plans.some(({ limits }) => limits.length > 0));
  return {
    ...{ lines: 5003, requests: 5000, withoutTenant: 1, broken: 2, brokenLines: [], late: 0, unfinishedLine: false },
    ...{ fromMs: AT, toMs: AT + 60_000, tenants: tenants.length, tenantsAffected: affected.length },
    plans: [
      {
        ...{ ...DENIED, name: 'free', tenantsDenied: 1, undecided: 0 },
        plan: [{ name: 'minute', limit: 60, window: 'minute', enforce: 'hard', source: 'plan' }],
      },
      {
        ...{ ...PASSED, name: 'pro', tenantsDenied: 0, undecided: 0 },
        plan: [{ name: 'burst', limit: 1000, window: { seconds: 10 }, enforce: 'soft', source: 'plan' }],
      },
    ],
    byTenant: () => tenants,
  };
}

const ACME: TenantFinding = { tenantId: 'acme', requests: 4000, plans: [DENIED, PASSED] };
const QUIET: TenantFinding = { tenantId: 'quiet', requests: 1000, plans: [NONE, NONE] };

it('shows the log, the plans side by side and the tenants that ran into a limit', () => {
  expect(simulationText(reportOf([ACME, QUIET])).split('\n')).toEqual([
    '5,003 lines read: 5,000 requests of 2 tenants, 2015-05-17T10:05:03Z to 2015-05-17T10:06:03Z',
    '1 without a tenant, 2 broken',
    '',
    'plan                            free                       pro',
    'limits                     minute 60  burst 1,000 in 10 s soft',
    'admitted                       3,766                     5,000',
    'denied                1,234 (24.7 %)                 0 (0.0 %)',
    '  by minute                    1,234',
    '  by burst                                   7 let pass (soft)',
    'tenants denied                     1                         0',
    'first denied    2015-05-17T10:05:03Z                         -',
    '',
    expect.stringMatching(/^tenant +requests +free: denied +by +first +pro: denied +by +first$/),
    expect.stringMatching(/^acme +4,000 +1,234 +minute 1,234 +2015-05-17T10:05:03Z +0 +burst 7 let pass \(soft\) +-$/),
    '',
  ]);
});

it('shows 20 tenants and how many more there are', () => {
  const tenants = Array.from({ length: 23 }, (_, index) => ({ ...ACME, tenantId: `t${index}` }));
  const text = simulationText(reportOf(tenants));
  expect(text.match(/^t\d+ /gm)).toHaveLength(20);
  expect(text).toMatch(/^3 more tenants ran into a limit; --json names all of them\.$/m);
});

it('shows no table of tenants where nobody runs into a limit', () => {
  expect(simulationText(reportOf([QUIET]))).not.toMatch(/quiet|more tenants/);
});

it.each([
  ['an escape sequence', '\u001b[2Jacme', '\\u{1b}[2Jacme'],
  ['a line feed', 'a\nb', 'a\\u{a}b'],
  ['a change of direction', 'a\u202eb', 'a\\u{202e}b'],
  ['256 characters', 'x'.repeat(256), `${'x'.repeat(39)}…`],
])('a tenant id with %s cannot change what else is shown', (_, tenantId, shown) => {
  const text = simulationText(reportOf([{ ...ACME, tenantId }]));
  expect(text).toContain(`\n${shown} `);
  expect(text).not.toContain(tenantId);
});

describe('as JSON', () => {
  const written = (tenants: readonly TenantFinding[]) => {
    const pieces: string[] = [];
    const settings = { file: 'a.log', tenantBy: 'host', timeZone: 'UTC' };
    writeSimulationJson((text) => pieces.push(text), settings, reportOf(tenants));
    return pieces;
  };

  it('every figure is there, and every tenant, also one that runs into nothing', () => {
    const [text = ''] = [written([ACME, QUIET]).join('')];
    const minute = { name: 'minute', enforce: 'hard', requests: 1234, first: '2015-05-17T10:05:03Z' };
    expect(text.endsWith('}\n')).toBe(true);
    expect(JSON.parse(text)).toMatchObject({
      ...{ file: 'a.log', tenantBy: 'host', timeZone: 'UTC', lines: 5003, requests: 5000, tenants: 2, late: 0 },
      from: '2015-05-17T10:05:03Z',
      plans: [
        { name: 'free', admitted: 3766, denied: 1234, firstDenied: '2015-05-17T10:05:03Z', limits: [minute] },
        { name: 'pro', admitted: 5000, denied: 0, firstDenied: null, overage: 7, plan: [{ window: { seconds: 10 } }] },
      ],
      byTenant: [
        { tenantId: 'acme', plans: [{ denied: 1234, limits: [minute] }, { overage: 7 }] },
        { tenantId: 'quiet', requests: 1000, plans: [{ denied: 0, limits: [] }, { denied: 0 }] },
      ],
    });
  });

  it.each([0, 1, 999, 1000, 1001, 2500])('%d tenants are one valid array, however many pieces it takes', (count) => {
    const tenants = Array.from({ length: count }, (_, index) => ({ ...QUIET, tenantId: `t${index}` }));
    const pieces = written(tenants);
    expect(JSON.parse(pieces.join('')).byTenant).toHaveLength(count);
    expect(pieces.length).toBe(2 + Math.ceil(count / 1000));
  });
});
