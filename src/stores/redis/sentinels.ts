// Which server is the master, asked of the sentinels one after the other (Redis: "Guidelines for Redis clients with support for
// Redis Sentinel"). Asked anew for each connection, so a failover costs the lost connection and nothing else.
import type { NodeRedisCopy } from './nodeRedis.js';
import { reasonOf } from './redisErrors.js';

/** Longest wait for one sentinel, in milliseconds: one that hangs must not use up the time of the attempt. */
const SENTINEL_MS = 1_000;

/** What is used of a client of a sentinel. */
export interface SentinelClient extends Pick<NodeRedisCopy, 'connect' | 'on' | 'unref' | 'destroy'> {
  sendCommand(command: string[]): Promise<unknown>;
}

/** Where the sentinels say that the master is. */
export interface MasterAddress {
  readonly host: string;
  readonly port: number;
}

/** Asks until one of them knows. Rejects with what the last of them said. */
export async function masterOf(name: string, sentinels: readonly (() => SentinelClient)[]): Promise<MasterAddress> {
  let reason = 'no sentinel was named';
  for (const sentinel of sentinels) {
    try {
      const answer = await answerOf(sentinel(), ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]);
      if (Array.isArray(answer) && answer.length === 2) return { host: String(answer[0]), port: Number(answer[1]) };
      reason = `it knows no master "${name}"`;
    } catch (error) {
      reason = reasonOf(error);
    }
  }
  throw new Error(`no sentinel named the master "${name}"; the last one: ${reason}`);
}

async function answerOf(client: SentinelClient, command: string[]): Promise<unknown> {
  // Whoever waits for the sentinel is told by the promise.
  client.on('error', () => undefined);
  client.unref();
  const asked = client.connect().then(() => client.sendCommand(command));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${SENTINEL_MS} ms`)), SENTINEL_MS);
    timer.unref();
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
    client.destroy();
  }
}
