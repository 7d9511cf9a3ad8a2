// A private master with a replica, and three sentinels that watch them: a master that is killed is replaced after about two
// seconds.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { redisBinary } from './binaries.js';
import { type StartedProcess, startProcess } from './childProcess.js';
import { freePort } from './freePort.js';
import { type RedisServer, startRedis } from './redisServer.js';
import { newFolder } from './runFolder.js';
import { until } from './until.js';

const SENTINELS = 3;
const DOWN_AFTER_MS = 1_000;

export interface RedisSentinels {
  /** The master that the sentinels watch, by the name that they know. */
  readonly name: string;
  /** URLs of the sentinels, as REDIS_URL takes them. */
  readonly urls: readonly [string, ...string[]];
  readonly master: RedisServer;
  readonly replica: RedisServer;
  stop(): Promise<void>;
}

export async function startRedisSentinels(): Promise<RedisSentinels> {
  const name = 'primary';
  const master = await startRedis();
  const replica = await startRedis({
    args: ['--replicaof', '127.0.0.1', String(master.port), '--repl-diskless-sync-delay', '0'],
  });
  const ports = await Promise.all(Array.from({ length: SENTINELS }, freePort));
  const sentinels = await Promise.all(ports.map((port) => startSentinel(port, name, master.port)));
  const stop = async () => {
    await Promise.all(sentinels.map((sentinel) => sentinel.end()));
    await Promise.all([master.stop(), replica.stop()]);
  };
  try {
    for (const port of ports)
      await until(() => knowsAll(port, name), { what: 'the sentinels know each other and the replica' });
  } catch (error) {
    await stop();
    throw error;
  }
  const [first, ...others] = ports.map((port) => `redis://127.0.0.1:${port}`);
  return { name, urls: [first as string, ...others], master, replica, stop };
}

async function startSentinel(port: number, name: string, masterPort: number): Promise<StartedProcess> {
  const { command, libraries } = await redisBinary();
  const folder = newFolder('sentinel');
  const file = join(folder, 'sentinel.conf');
  const lines = [
    ...[`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, 'set-proc-title no'],
    `sentinel monitor ${name} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${name} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${name} 5000`,
  ];
  writeFileSync(file, lines.join('\n'));
  const env = libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries };
  const sentinel = await startProcess(command, [file, '--sentinel'], { env });
  await sentinel.waitForLine(/\+monitor master/, 20_000);
  return sentinel;
}

async function knowsAll(port: number, name: string): Promise<boolean> {
  const client = createClient({
    url: `redis://127.0.0.1:${port}`,
    socket: { connectTimeout: 20_000, reconnectStrategy: false },
  });
  client.on('error', () => undefined); // connecting rejects with it
  await client.connect();
  try {
    const count = async (what: string) => {
      const rows: unknown = await client.sendCommand(['SENTINEL', what, name]);
      return Array.isArray(rows) ? rows.length : 0;
    };
    return (await count('SENTINELS')) === SENTINELS - 1 && (await count('REPLICAS')) === 1;
  } finally {
    client.destroy();
  }
}
