// What is seen from outside while Redis comes and goes, and as limits are used up: /readyz, metrics, events, the log of denials,
// and a log that tells of an outage without being flooded by it.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../src/config.js';
import { createTallygate, type Tallygate, type TallygateEvents } from '../../src/index.js';
import { startServer } from '../../src/server/server.js';
import { composeServer } from '../../src/tallygate.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { type RedisServer, startRedis } from '../servers/redisServer.js';
import { newFolder } from '../servers/runFolder.js';
import { until } from '../servers/until.js';

const TOKEN = 'tg_test_seen_0123456789';
// What a busy machine makes late is no matter of this file: a connection that is refused is refused at once.
process.env.QUOTA_STORE_TIMEOUT_MS = '5000';
let database: TestDatabase;
let redis: RedisServer;

beforeAll(async () => {
  [database, redis] = await Promise.all([createMigratedDatabase(), startRedis()]);
});

afterAll(async () => {
  await redis?.stop();
  await database?.drop();
});

describe('a server whose Redis goes away', () => {
  const lines: string[] = [];
  const told = (_details: object, message: string) => void lines.push(message);

  async function running() {
    const config = readConfig({
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      ADMIN_TOKEN: TOKEN,
      PORT: '0',
      TALLYGATE_DATA_DIR: newFolder('seen'),
      QUOTA_FREE_PER_MINUTE: 'unlimited',
      QUOTA_FREE_PER_DAY: '5',
      QUOTA_STORE_TIMEOUT_MS: '5000',
    });
    const parts = composeServer(config, { info: told, warn: told, error: told });
    const server = await startServer({ config, parts, print: () => undefined, onError: () => undefined });
    onTestFinished(async () => void (await server.stop()));
    await server.ready;
    const get = async (path: string) => {
      const response = await fetch(server.url + path, { headers: { authorization: `Bearer ${TOKEN}` } });
      return { status: response.status, text: await response.text() };
    };
    return { decide: parts.consume.decide, get };
  }

  it('stays ready, says so, tells of 10,000 failures in a few lines, and recovers by itself', async () => {
    const { decide, get } = await running();
    // The ledger is another matter: on a busy machine it may be late for once.
    const isNamed = async (): Promise<boolean> => {
      const { status, text } = await get('/readyz');
      expect(status).toBe(200);
      return JSON.parse(text).degraded.includes('counter_store');
    };
    expect((await decide('acme', 1)).outcome).toBe('admitted');
    expect(await isNamed()).toBe(false);

    lines.length = 0;
    redis.kill('SIGKILL');
    await until(isNamed, { what: 'an idle server names its Redis' });
    const outcomes = new Set<string>();
    for (let turn = 0; turn < 100; turn += 1) {
      const made = await Promise.all(Array.from({ length: 100 }, (_, index) => decide(`tenant-${index}`, 1)));
      for (const { outcome } of made) outcomes.add(outcome);
    }
    expect([...outcomes]).not.toContain('admitted');
    expect(lines.length).toBeGreaterThanOrEqual(2);
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(lines).toContain('The counter store is down: the outage policy decides.');
    expect((await get('/metrics')).text).toContain('tallygate_counter_store_down 1\n');

    await redis.restart();
    await until(async () => !(await isNamed()), { what: 'an idle server finds its Redis again' });
    let asked = 0;
    const isDecided = async () => {
      asked += 1;
      return (await decide(`new-${asked}`, 1)).outcome === 'admitted';
    };
    await until(isDecided, { what: 'Redis decides again' });
    expect(lines).toContain('The counter store answers again.');
    const { text } = await get('/metrics');
    expect(text).toContain('tallygate_counter_store_down 0\n');
    expect(text).toMatch(/tallygate_counter_store_outage_seconds_total [0-9.]*[1-9]/);
  });

  it('says why a request was refused: which limit, how much, in which window', async () => {
    const { decide, get } = await running();
    for (let call = 0; call < 7; call += 1) await decide('globex', 1);
    const { status, text } = await get('/api/admin/denials?tenant=globex');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      scope: 'process',
      process: { pid: process.pid },
      denials: [
        {
          tenantId: 'globex',
          cost: 1,
          outcome: 'denied',
          enforced: true,
          times: 2,
          limits: [{ name: 'day', limit: 5, used: 5, resetAt: expect.stringMatching(/Z$/) }],
        },
      ],
    });
    expect(JSON.parse((await get('/api/admin/denials?tenant=initech')).text).denials).toEqual([]);
  });
});

describe('two processes on one Redis', () => {
  const started: Tallygate[] = [];
  afterAll(async () => {
    await Promise.all(started.map((one) => one.close()));
  });

  /** An instance, and what it told its listeners. */
  function instance(more: Parameters<typeof createTallygate>[0] = {}) {
    const tallygate = createTallygate({
      database: database.url,
      redis: redis.url,
      plans: { free: [{ name: 'day', window: 'day', limit: 10 }] },
      ...more,
    });
    started.push(tallygate);
    const heard: [keyof TallygateEvents, object][] = [];
    for (const name of ['denied', 'threshold', 'storeDown', 'storeUp'] as const)
      tallygate.on(name, (event) => heard.push([name, event]));
    return { tallygate, heard };
  }

  it('tell of 80 and of 100 percent once between them, however many requests they decide', async () => {
    const [one, other] = [instance(), instance()];
    for (let call = 0; call < 10; call += 1) await [one, other][call % 2]?.tallygate.quota.consume('thresholds');
    const refused = await Promise.all([one, other].map(({ tallygate }) => tallygate.quota.consume('thresholds')));
    expect(refused.map(({ outcome }) => outcome)).toEqual(['denied', 'denied']);
    await until(() => one.heard.length + other.heard.length >= 4, { what: 'two thresholds and two denials' });
    const all = [...one.heard, ...other.heard];
    const thresholds = all.filter(([name]) => name === 'threshold').map(([, event]) => event);
    expect(thresholds).toHaveLength(2);
    expect(thresholds).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ tenantId: 'thresholds', name: 'day', level: 80, used: 8, limit: 10 }),
        expect.objectContaining({ tenantId: 'thresholds', name: 'day', level: 100, used: 10, limit: 10 }),
      ]),
    );
    for (const { heard } of [one, other])
      expect(heard.filter(([name]) => name === 'denied').map(([, event]) => event)).toEqual([
        expect.objectContaining({ enforced: true, limits: [{ name: 'day', limit: 10, used: 10 }] }),
      ]);
  });

  it('in shadow mode let pass what they would refuse, and tell of it', async () => {
    const { tallygate, heard } = instance({ enforce: false });
    for (let call = 0; call < 12; call += 1)
      expect((await tallygate.quota.consume('shadowed')).outcome).toBe('admitted');
    await until(() => heard.filter(([name]) => name === 'denied').length === 2, { what: 'two denials' });
    expect(heard.find(([name]) => name === 'denied')?.[1]).toMatchObject({ enforced: false, tenantId: 'shadowed' });
    expect(await tallygate.metrics()).toContain('tallygate_shadow_denials_total{limit="day"} 2');
  });
});
