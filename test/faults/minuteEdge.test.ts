// Over the end of a minute, by processes whose clocks are ten seconds apart: the same total is admitted as with one clock, counted by
// the store's windows, in both modes; and what a reservation gives back does not open the minute after it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { until } from '../servers/until.js';
import { chargesOf } from './ledgerRows.js';
import {
  call,
  consume,
  endServers,
  type FleetServer,
  flood,
  limitIn,
  setTenant,
  standingOf,
  startServer,
} from './serverFleet.js';
import { shiftedBy } from './shiftedClock.js';

const PER_MINUTE = 40;
const DAY = 5_000;
const MODES = ['strict', 'leased'] as const;
/** Of the processes' clocks from the store's. */
const OFFSETS_S = [-5, 5];
/** Longer than the clocks are off. */
const AROUND_MS = 6_000;

let database: TestDatabase;
let redis: RedisServer;
const servers: FleetServer[] = [];

beforeAll(async () => {
  [database, redis] = await Promise.all([createMigratedDatabase(), startRedis()]);
  const env = { DATABASE_URL: database.url, REDIS_URL: redis.url, QUOTA_STORE_TIMEOUT_MS: '10000' };
  await flood(MODES.length * OFFSETS_S.length, 2, async (index) => {
    const mode = MODES[Math.floor(index / OFFSETS_S.length)] as string;
    servers[index] = await startServer({ ...env, QUOTA_MODE: mode, ...(await shiftedBy(offsetMs(index))) });
  });
}, 330_000);

afterAll(async () => {
  await Promise.all(servers.map((server) => server?.process.end()));
  await redis?.stop();
  await database?.drop();
});

const offsetMs = (index: number) => (OFFSETS_S[index % OFFSETS_S.length] as number) * 1_000;
const tenantOf = (index: number) => `skewed-${MODES[Math.floor(index / OFFSETS_S.length)]}`;

describe('at the end of a minute', () => {
  let edge: number;
  /** By tenant and the end of the minute that was charged. */
  const admitted = new Map<string, Map<string, number>>(MODES.map((mode) => [`skewed-${mode}`, new Map()]));
  const reservation = { made: 0, released: 0, before: 0, after: 0 };

  // Both tests need the same instant, and nobody should wait for two.
  beforeAll(async () => {
    const [first] = servers as [FleetServer];
    for (const tenant of [...admitted.keys(), 'edge'])
      await setTenant(first, tenant, { limits: { minute: PER_MINUTE, day: DAY } });
    for (const server of servers)
      await until(async () => (await standingOf(server, 'edge', 'minute')).remaining === PER_MINUTE, {
        what: 'the setting',
      });
    edge = Math.ceil((Date.now() + AROUND_MS) / 60_000) * 60_000;
    await until(() => Date.now() >= edge - AROUND_MS, { deadlineMs: 70_000, what: 'the end of a minute is near' });
    await Promise.all([reserveOverEdge(), ...servers.map(askAroundEdge)]);
  }, 150_000);

  async function askAroundEdge(server: FleetServer, index: number): Promise<void> {
    const byMinute = admitted.get(tenantOf(index)) as Map<string, number>;
    const ask = async (): Promise<void> => {
      while (Date.now() < edge + AROUND_MS) {
        const answer = await consume(server, tenantOf(index));
        const label = limitIn(answer, 'minute')?.resetAt ?? 'none';
        if (answer.status === 200) byMinute.set(label, (byMinute.get(label) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await Promise.all([ask(), ask(), ask(), ask()]);
  }

  async function reserveOverEdge(): Promise<void> {
    const [one, other] = servers as [FleetServer, FleetServer];
    await until(() => Date.now() >= edge - 1_500, { what: 'the end of the minute' });
    const made = await call('POST', `${one.url}/v1/reserve`, { tenant: 'edge', estimate: PER_MINUTE });
    await until(() => Date.now() > edge + 100, { what: 'the minute is over' });
    const some = async (count: number) =>
      (await flood(count, 10, () => consume(other, 'edge'))).filter(({ status }) => status === 200).length;
    reservation.before = await some(PER_MINUTE / 2);
    const { status } = await call('DELETE', `${one.url}/v1/reservations/${made.body.id}`);
    reservation.after = await some(PER_MINUTE);
    Object.assign(reservation, { made: made.status, released: status });
  }

  it('processes whose clocks are off by five seconds admit what one clock would, minute by minute', async () => {
    // The head of an answer tells the process's clock.
    for (const [index, { url }] of servers.entries()) {
      const ahead = Date.parse(String((await call('GET', `${url}/livez`)).headers.date)) - Date.now();
      expect(Math.abs(ahead - offsetMs(index))).toBeLessThan(2_500);
    }
    for (const [tenant, byMinute] of admitted) {
      const figures = [...byMinute].sort(([a], [b]) => (a < b ? -1 : 1));
      console.info(
        `${tenant}, clocks at ${OFFSETS_S.join(' and ')} s: ${figures.map(([end, count]) => `${count} of ${PER_MINUTE} until ${end}`).join(', ')}`,
      );
      // Two minutes, whatever the clocks say: the store's.
      expect(figures.map(([end]) => end)).toEqual([edge, edge + 60_000].map((at) => new Date(at).toISOString()));
      for (const [, count] of figures) {
        expect(count).toBeLessThanOrEqual(PER_MINUTE);
        if (tenant === 'skewed-strict') expect(count).toBe(PER_MINUTE);
      }
    }
  });

  it('what a reservation of the minute before gives back does not open the new one', () => {
    expect(reservation).toEqual({ made: 201, released: 200, before: PER_MINUTE / 2, after: PER_MINUTE / 2 });
  });

  it('the day is the same one, so there it went back; and the ledger has what was admitted', async () => {
    const [one] = servers as [FleetServer];
    expect(await standingOf(one, 'edge', 'day')).toMatchObject({ used: PER_MINUTE, held: 0 });
    expect(await endServers(servers)).toEqual(servers.map(() => 0));
    expect((await chargesOf(database, 'edge')).units).toBe(PER_MINUTE);
    for (const [tenant, byMinute] of admitted) {
      const sum = [...byMinute.values()].reduce((total, count) => total + count, 0);
      expect((await chargesOf(database, tenant)).units).toBe(sum);
    }
  });
});
