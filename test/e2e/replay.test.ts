// Replay on real databases: what the usage API says afterwards is what the log holds, whatever happened in between.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Installation } from '../../src/composition/installation.js';
import { readConfig } from '../../src/config.js';
import type { ReplayRequest } from '../../src/services/metering/logReplay.js';
import { openInstallation } from '../../src/tallygate.js';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';
import { createMigratedDatabase } from '../servers/databases.js';
import { embeddedDataFolder } from '../servers/embeddedFolder.js';
import { newFolder } from '../servers/runFolder.js';
import { until } from '../servers/until.js';
import { type MadeLog, makeLog, tenantOf } from './accessLogs.js';

interface LedgerPlace {
  readonly env: Readonly<Record<string, string>>;
  readonly drop: () => Promise<void>;
}

async function onServer(): Promise<LedgerPlace> {
  const database = await createMigratedDatabase();
  return { env: { DATABASE_URL: database.url, TALLYGATE_DATA_DIR: newFolder('data') }, drop: database.drop };
}

async function embedded(): Promise<LedgerPlace> {
  return { env: { TALLYGATE_DATA_DIR: await embeddedDataFolder() }, drop: async () => undefined };
}

const ENV = { LOG_LEVEL: 'silent' };
const HOST = { field: 'host' } as const;
const USER = { field: 'user' } as const;

/** Replays by host and user unless told otherwise. */
function replay(installation: Installation, log: string | Buffer, request: Partial<ReplayRequest> = {}) {
  return installation.replayLog({
    file: '-',
    stdin: Readable.from([typeof log === 'string' ? Buffer.from(log) : log]),
    tenantBy: HOST,
    userBy: USER,
    ...request,
  });
}

/** Asserts that the usage API says exactly what the logs hold, together. */
async function expectUsage(installation: Installation, logs: readonly MadeLog[]): Promise<void> {
  for (const tenantId of new Set(logs.flatMap((log) => [...log.usage.keys()]))) {
    const { daily, totals } = await installation.usageService.query(tenantId, { from: '2015-05-01', to: '2015-06-30' });
    const days = logs.flatMap((log) => [...(log.usage.get(tenantId) ?? [])]);
    const figures = (date: string) => {
      const same = days.filter(([day]) => day === date).map(([, usage]) => usage);
      const apiCalls = same.reduce((sum, { calls }) => sum + calls, 0);
      return { apiCalls, activeUsers: new Set(same.flatMap(({ users }) => [...users])).size };
    };
    expect(daily).toHaveLength(61);
    expect(daily).toEqual(daily.map(({ date }) => expect.objectContaining({ date, ...figures(date) })));
    expect(totals).toMatchObject({
      apiCalls: days.reduce((sum, [, { calls }]) => sum + calls, 0),
      activeUsers: new Set(days.flatMap(([, { users }]) => [...users])).size,
    });
  }
}

describe.each([
  ['PostgreSQL', onServer],
  ['the embedded database', embedded],
])('on %s', (_, open) => {
  let place: LedgerPlace;
  let installation: Installation;
  beforeAll(async () => {
    place = await open();
    installation = openInstallation(readConfig({ ...ENV, ...place.env }));
    await installation.ready();
  });
  afterAll(async () => {
    await installation.close();
    await place.drop();
  });

  it('each line is metered at its own time, in its tenant’s zone; broken ones and those without a tenant are counted', async () => {
    const hoursAhead = { 1: 9, 2: -7 };
    const log = makeLog({ name: 'times', lines: 5_000, hoursAhead });
    await installation.quotaService.merge(tenantOf('times', 1), { timeZone: 'Asia/Tokyo' });
    await installation.quotaService.merge(tenantOf('times', 2), { timeZone: 'America/Phoenix' });
    const summary = await replay(installation, log.text);
    expect(summary).toMatchObject({
      lines: 5_000,
      metered: 5_000 - log.broken.length - log.withoutTenant,
      withoutTenant: log.withoutTenant,
      broken: log.broken.length,
      tenants: 5,
      firstDate: '2015-05-29',
      lastDate: '2015-06-03',
      alreadyMetered: 0,
    });
    expect(summary.brokenLines.map(({ line }) => line)).toEqual(log.broken);
    await expectUsage(installation, [log]);
  });

  it('the same log again changes nothing, and of a grown one only the rest is metered', async () => {
    const log = makeLog({ name: 'grown', lines: 3_000 });
    const half = log.text.slice(0, log.text.length / 2);
    const first = await replay(installation, half);
    expect(await replay(installation, half)).toMatchObject({ lines: 0, alreadyMetered: first.lines });
    const rest = await replay(installation, log.text);
    expect(rest).toMatchObject({ lines: 3_000 - first.lines, alreadyMetered: first.lines });
    expect([...first.brokenLines, ...rest.brokenLines].map(({ line }) => line)).toEqual(log.broken);
    await replay(installation, log.text);
    await expectUsage(installation, [log]);
  });

  it('gzip, a file and standard input are the same log', async () => {
    const log = makeLog({ name: 'packed', lines: 1_000 });
    const file = join(newFolder('log'), 'access.log');
    writeFileSync(file, gzipSync(log.text));
    expect(await replay(installation, '', { file })).toMatchObject({ lines: 1_000 });
    writeFileSync(file, log.text);
    expect(await replay(installation, '', { file })).toMatchObject({ lines: 0, alreadyMetered: 1_000 });
    expect(await replay(installation, gzipSync(log.text))).toMatchObject({ lines: 0, alreadyMetered: 1_000 });
    await expectUsage(installation, [log]);
  });

  it('other options are refused, and --again meters anew', async () => {
    const log = makeLog({ name: 'options', lines: 1_000 });
    await replay(installation, log.text);
    await expect(replay(installation, log.text, { userBy: undefined })).rejects.toMatchObject({
      code: 'replay_refused',
      message: expect.stringContaining('--tenant-by host --user-by user'),
    });
    await expectUsage(installation, [log]);
    await replay(installation, log.text, { again: true });
    expect(await replay(installation, log.text)).toMatchObject({ lines: 0 });
    await expectUsage(installation, [log, log]);
  });

  it('of two replays of one log at once one stops, and the sums are right', async () => {
    const log = makeLog({ name: 'rivals', lines: 2_000 });
    const stdin = new PassThrough();
    stdin.write(log.text.slice(0, -1000));
    let started = false;
    const onProgress = () => {
      started = true;
    };
    const losing = replay(installation, '', { stdin, onProgress }).then(
      () => 'done',
      (error: Error) => error.message,
    );
    await until(() => started);
    // Its position was read before the other one moved it.
    await replay(installation, log.text);
    stdin.end(log.text.slice(-1000));
    expect(await losing).toMatch(/^Another replay of this log is running/);
    await expectUsage(installation, [log]);
  });
});

describe.each([
  ['PostgreSQL', onServer],
  ['the embedded database', embedded],
])('on %s, killed in the middle', (_, open) => {
  let place: LedgerPlace;
  let killed: StartedProcess | undefined;
  beforeAll(async () => {
    place = await open();
  });
  afterAll(async () => {
    await killed?.end();
    await place.drop();
  });

  it('a replay that is run again loses nothing and doubles nothing', async () => {
    const log = makeLog({ name: 'killed', lines: 112_000 });
    const bytes = Buffer.from(log.text);
    const args = [join(process.cwd(), 'bin/tallygate.js'), 'replay', '-', '--tenant-by', 'host', '--user-by', 'user'];
    killed = await startProcess('node', args, { env: { ...ENV, ...place.env } });
    let written = false;
    // When all of this is written, it has been read but for the length of a pipe. That is more than two batches of 50,000 lines,
    // and the second is not sent before the first has landed.
    killed.child.stdin?.write(bytes.subarray(0, bytes.length * 0.95), () => {
      written = true;
    });
    await until(() => written, { deadlineMs: 50_000, what: 'the log to be read' });
    killed.kill('SIGKILL');
    await killed.exit;
    const installation = openInstallation(readConfig({ ...ENV, ...place.env }));
    try {
      await installation.ready();
      const summary = await replay(installation, bytes);
      expect(summary.alreadyMetered).toBeGreaterThan(49_000);
      expect(summary.alreadyMetered + summary.lines).toBe(112_000);
      await expectUsage(installation, [log]);
    } finally {
      await installation.close();
    }
  });
});
