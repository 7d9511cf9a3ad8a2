// The servers of the tests themselves: what other tests lean on has to hold.
import { createConnection } from 'node:net';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { startProcess } from './childProcess.js';
import { createDatabase, createMigratedDatabase } from './databases.js';
import { startPostgres } from './postgresServer.js';
import { redisAnswers, sharedRedisUrl, startRedis } from './redisServer.js';
import { startTcpProxy } from './tcpProxy.js';
import { until } from './until.js';

async function ask(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<unknown[]>({ text, rowMode: 'array' });
    return rows[0] ?? [];
  } finally {
    await client.end();
  }
}

test('two databases of one run are apart, and are gone after drop', async () => {
  const [one, two] = await Promise.all([createDatabase(), createDatabase()]);
  await ask(one.url, 'create table only_here ()');
  expect(await ask(two.url, `select to_regclass('only_here')`)).toEqual([null]);
  await Promise.all([one.drop(), two.drop()]);
  await expect(ask(one.url, 'select 1')).rejects.toMatchObject({ code: '3D000' });
});

test('migrated databases have the tables, each its own', async () => {
  const [one, two] = await Promise.all([createMigratedDatabase(), createMigratedDatabase()]);
  const count = 'select count(*)::int from tallygate.tenant_usage';
  await ask(one.url, 'drop schema tallygate cascade');
  expect(await ask(two.url, count)).toEqual([0]);
  await Promise.all([one.drop(), two.drop()]);
});

test('a PostgreSQL of one test comes back on its port with its data, after a stop and after a kill', async () => {
  const server = await startPostgres();
  try {
    await ask(server.url, 'create table kept (n int)');
    await server.stop();
    await expect(ask(server.url, 'select 1')).rejects.toThrow();
    await server.restart();
    server.kill('SIGKILL');
    await server.restart();
    expect(await ask(server.url, 'select count(*)::int from kept')).toEqual([0]);
  } finally {
    await server.stop();
  }
});

test('a Redis of one test answers, stalls, and comes back on its port', async () => {
  expect(await redisAnswers(sharedRedisUrl())).toBe(true);
  const server = await startRedis();
  try {
    expect(await redisAnswers(server.url)).toBe(true);
    server.kill('SIGKILL');
    await until(async () => !(await redisAnswers(server.url)), { what: 'it is gone' });
    await server.restart();
    expect(await redisAnswers(server.url)).toBe(true);
  } finally {
    await server.stop();
  }
});

test('the proxy passes on, holds back, loses a reply and cuts', async () => {
  const server = await startRedis();
  const proxy = await startTcpProxy(server.port);
  const socket = createConnection({ host: '127.0.0.1', port: Number(new URL(proxy.through(server.url)).port) });
  let received = '';
  let closed = false;
  socket.on('data', (data) => {
    received += data.toString();
  });
  socket
    .on('error', () => undefined)
    .on('close', () => {
      closed = true;
    });
  try {
    socket.write('INCR n\r\n');
    await until(() => received === ':1\r\n', { what: 'the first answer' });
    proxy.pause(true);
    socket.write('INCR n\r\n');
    proxy.pause(false);
    await until(() => received === ':1\r\n:2\r\n', { what: 'the answer that was held back' });
    proxy.cutAtNextReply();
    socket.write('INCR n\r\n');
    await until(() => closed, { what: 'the cut' });
    expect(received).toBe(':1\r\n:2\r\n');
    expect(proxy.connections()).toBe(0);
  } finally {
    socket.destroy();
    await proxy.stop();
    await server.stop();
  }
});

test('a started process shows its lines and its end, and inherits no setting of Tallygate', async () => {
  process.env.QUOTA_FREE_PER_DAY = '7';
  try {
    const script = 'console.log("quota", process.env.QUOTA_FREE_PER_DAY, process.env.ADDED); process.exit(3)';
    const started = await startProcess(process.execPath, ['-e', script], { env: { ADDED: 'yes' } });
    expect((await started.waitForLine(/^quota (.*)$/))[1]).toBe('undefined yes');
    expect(await started.exit).toEqual({ code: 3, signal: null });
    await expect(started.waitForLine(/^never$/)).rejects.toThrow(/ended without a line like/);
  } finally {
    delete process.env.QUOTA_FREE_PER_DAY;
  }
});
