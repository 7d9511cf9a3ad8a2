// What a process asks of the disk for the case that the power fails, as strace sees it. That it suffices is not claimed here, only how
// often it is asked, by which thread, and in which order.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { straceBinary } from '../servers/binaries.js';
import { builtModule } from '../servers/builtModule.js';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { newFolder } from '../servers/runFolder.js';
import { startTcpProxy, type TcpProxy } from '../servers/tcpProxy.js';
import { until } from '../servers/until.js';

const INTERVAL_MS = 250;
/** For a busy machine. */
const WITHIN_MS = 60_000;
const REMEDY =
  'strace must be allowed to trace: in a container `--cap-add SYS_PTRACE`, elsewhere kernel.yama.ptrace_scope below 2.';

// Some calls every few milliseconds, each of another user: while the ledger is away so much waits that it is merged.
const METER = `
const { createTallygate } = require(process.argv[1]);
const tallygate = createTallygate({});
let number = 0;
const book = () => {
  for (let left = 40; left > 0; left -= 1, number += 1)
    tallygate.usage.record('tenant ' + number % 50, { apiCalls: 1, user: 'user ' + number });
  setTimeout(book, 10);
};
tallygate.usage.record('start', { apiCalls: 1 }).then(() => tallygate.flush()).then(() => {
  console.log('pid', process.pid);
  book();
});
`;

interface SystemCall {
  readonly thread: number;
  readonly atMs: number;
  readonly name: string;
  readonly text: string;
}

let database: TestDatabase;
let proxy: TcpProxy;
let traced: StartedProcess;
let meterPid = 0;
const trace = () => join(output, 'trace');
let output: string;

beforeAll(async () => {
  database = await createMigratedDatabase();
  proxy = await startTcpProxy(Number(new URL(database.url).port));
  output = newFolder('strace');
  const { command, libraries } = await straceBinary();
  const env = {
    ...{ DATABASE_URL: proxy.through(database.url), TALLYGATE_DATA_DIR: newFolder('data') },
    ...{ USAGE_METER_FLUSH_INTERVAL_MS: String(INTERVAL_MS), USAGE_METER_BATCH_SIZE: '100000' },
    ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }),
  };
  const calls = 'trace=fdatasync,fsync,/^rename,/^unlink';
  const words = ['-f', '-y', '-ttt', '-e', calls, '-o', trace(), process.execPath, '-e', METER, builtModule('index')];
  traced = await startProcess(command, words, { env });
  const [, pid] = await traced.waitForLine(/^pid (\d+)/, WITHIN_MS).catch((cause) => {
    throw new Error(REMEDY, { cause });
  });
  meterPid = Number(pid);
});
afterAll(async () => {
  // The traced process first: it would go on without its tracer.
  if (meterPid > 0) process.kill(meterPid, 'SIGKILL');
  await traced?.end();
  await proxy?.stop();
  await database?.drop();
});

/** Calls since an instant, in order. */
function callsSince(sinceMs: number): SystemCall[] {
  return readFileSync(trace(), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, thread, seconds, name, text] = /^(\d+) +([\d.]+) (\w+)\((.*)$/.exec(line) ?? [];
      if (name === undefined || text === undefined) return [];
      return [{ thread: Number(thread), atMs: 1000 * Number(seconds), name, text }];
    })
    .filter(({ atMs }) => atMs >= sinceMs);
}

const isSync = ({ name }: SystemCall) => name === 'fdatasync' || name === 'fsync';
const isOf = (pattern: RegExp) => (call: SystemCall) => isSync(call) && pattern.test(call.text);

/** Waits for some syncs and says how many there were in each interval. */
async function syncsAnInterval(what: string): Promise<number> {
  const startedAtMs = Date.now();
  const ofSegments = () => callsSince(startedAtMs).filter(isOf(/\.seg>/));
  const isEnough = () => Date.now() - startedAtMs > 8 * INTERVAL_MS && ofSegments().length >= 8;
  await until(isEnough, { deadlineMs: WITHIN_MS, what: `syncs ${what}`, pollMs: 50 });
  const [count, intervals] = [ofSegments().length, (Date.now() - startedAtMs) / INTERVAL_MS];
  process.stdout.write(`fdatasync ${what}: ${count} in ${intervals.toFixed(1)} intervals of ${INTERVAL_MS} ms\n`);
  return count / intervals;
}

it('the journal is synced about once an interval, off the event loop, also while the ledger is away', async () => {
  // Twice where the interval's flush began a new file: what is left of the old one, and the new one.
  const underLoad = await syncsAnInterval('under load');
  proxy.refuse(true);
  for (const syncs of [underLoad, await syncsAnInterval('while the ledger is away')]) {
    expect(syncs).toBeLessThan(2.5);
    // A busy machine is late with its timers.
    expect(syncs).toBeGreaterThan(0.2);
  }
  const threads = new Set(
    callsSince(0)
      .filter(isSync)
      .map(({ thread }) => thread),
  );
  expect(threads.size).toBeGreaterThan(0);
  expect(threads).not.toContain(meterPid);
});

it('the header of a journal is on the disk with its first records, under its name', () => {
  const syncs = callsSince(0).filter(isSync);
  const first = (pattern: RegExp) => syncs.findIndex(isOf(pattern));
  const order = [/\.seg>/, /\/header\.json>/, /\/journal\/[0-9a-f-]{36}>/, /\/journal>/].map(first);
  expect(order).not.toContain(-1);
  expect(order).toEqual([...order].sort((a, b) => a - b));
});

it('what was merged has its name on the disk before what it replaces is removed', async () => {
  const isMerge = ({ name, text }: SystemCall) => name.startsWith('rename') && /\.merged"/.test(text);
  const isRemoval = ({ name, text }: SystemCall) => name.startsWith('unlink') && /\.seg"/.test(text);
  const calls = () => {
    const all = callsSince(0);
    return all.slice(all.findIndex(isMerge));
  };
  const isThere = () => isMerge(calls()[0] as SystemCall) && calls().some(isRemoval);
  await until(isThere, { deadlineMs: WITHIN_MS, what: 'a merge', pollMs: 50 });
  const before = callsSince(0).slice(0, callsSince(0).findIndex(isMerge));
  expect(before.some(isOf(/\.merging>/))).toBe(true);
  const [sync, removal] = [calls().findIndex(isOf(/\/journal\/[0-9a-f-]{36}>/)), calls().findIndex(isRemoval)];
  expect(sync).toBeGreaterThan(0);
  expect(removal).toBeGreaterThan(sync);
});
