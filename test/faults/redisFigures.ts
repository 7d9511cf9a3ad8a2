// What a test reads from a Redis of its own, beside what Tallygate does with it: calls of the scripts, keys, figures.
import { createClient } from '@redis/client';

/** A connection of the test's. */
export interface RedisFigures {
  command(...words: string[]): Promise<unknown>;
  /** Scripts that were called since the server started: one for each call of the counters. */
  scriptCalls(): Promise<number>;
  /** A figure of `INFO`, such as `used_memory`. */
  info(section: string, name: string): Promise<number>;
  keys(): Promise<string[]>;
  /** Keys that would stay for ever. */
  keysWithoutExpiry(): Promise<string[]>;
  close(): void;
}

/** Connects to `url`. A server that is killed under it is no error; commands fail until it is back. */
export async function redisFigures(url: string): Promise<RedisFigures> {
  const client = createClient({ url, disableOfflineQueue: true });
  client.on('error', () => undefined);
  await client.connect();
  const command = (...words: string[]) => client.sendCommand(words);
  const keys = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const some of client.scanIterator({ COUNT: 500 })) found.push(...some);
    return found;
  };
  return {
    command,
    keys,
    scriptCalls: async () => {
      const stats = String(await command('INFO', 'commandstats'));
      const calls = [...stats.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)].map((match) => Number(match[1]));
      return calls.reduce((sum, one) => sum + one, 0);
    },
    info: async (section, name) => {
      const match = new RegExp(`^${name}:(\\d+)`, 'm').exec(String(await command('INFO', section)));
      if (match === null) throw new Error(`INFO ${section} has no ${name}`);
      return Number(match[1]);
    },
    keysWithoutExpiry: async () => {
      const all = await keys();
      const left = await Promise.all(all.map((key) => client.pTTL(key)));
      // -2: it expired while we looked.
      return all.filter((_, index) => left[index] === -1);
    },
    close: () => client.destroy(),
  };
}
