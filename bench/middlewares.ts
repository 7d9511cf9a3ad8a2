// What stands before the handler, row by row. Each is what an app would mount, in its best configuration.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { builtModule } from '../test/servers/builtModule.js';
import { LIMIT, type Row } from './rows.js';

export type Handler = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

/** A row's middlewares in this process. */
export interface Mounted {
  readonly handlers: readonly Handler[];
  /** Resolves when what was booked is where it belongs. */
  readonly settle: () => Promise<unknown>;
  /** Resolves with the requests that Redis was too late for, since it was mounted. */
  readonly close: () => Promise<number>;
}

const nothing = (): Promise<number> => Promise.resolve(0);

/** Decisions that were made without an answer of the store, in the text of Tallygate's metrics. */
const WITHOUT_STORE = /^tallygate_decisions_total\{outcome="(?:unavailable|unconfirmed)"\} (\d+)$/gm;

/** Makes a row's middlewares by the process's environment. */
export async function mount(row: Row): Promise<Mounted> {
  if (row === 'none') return { handlers: [], settle: nothing, close: nothing };
  if (row === 'turn') return { handlers: [(_, __, next) => setImmediate(next)], settle: nothing, close: nothing };
  return row === 'rate-limiter-flexible' ? rateLimiterFlexible() : tallygate();
}

/**
 * Two limiters side by side over one connection that pipelines by itself, the four figures as headers, and one count a tenant and
 * day that no request waits for. All in Redis: nothing is written to a database.
 */
function rateLimiterFlexible(): Mounted {
  const redis = new Redis(process.env.REDIS_URL ?? '', {
    enableAutoPipelining: true,
    keyPrefix: process.env.REDIS_KEY_PREFIX ?? '',
  });
  const minute = new RateLimiterRedis({ storeClient: redis, keyPrefix: 'minute', points: LIMIT, duration: 60 });
  const day = new RateLimiterRedis({ storeClient: redis, keyPrefix: 'day', points: LIMIT, duration: 86_400 });
  const failed = (error: unknown) => process.stderr.write(`${String(error)}\n`);
  async function admit(tenantId: string, res: ServerResponse): Promise<void> {
    const [ofMinute, ofDay] = await Promise.all([minute.consume(tenantId), day.consume(tenantId)]);
    setHeaders(res, 'Minute', ofMinute);
    setHeaders(res, 'Day', ofDay);
    redis.hincrby(`calls:${Math.floor(Date.now() / 86_400_000)}`, tenantId, 1).catch(failed);
  }
  const handler: Handler = (req, res, next) => {
    admit(String(req.headers['x-tenant']), res).then(
      () => next(),
      (refused) => {
        res.statusCode = refused instanceof Error ? 503 : 429;
        res.end();
      },
    );
  };
  return { handlers: [handler], settle: () => redis.ping(), close: () => redis.quit().then(() => 0) };
}

function setHeaders(res: ServerResponse, name: string, { remainingPoints }: RateLimiterRes): void {
  res.setHeader(`X-RateLimit-Limit-${name}`, LIMIT);
  res.setHeader(`X-RateLimit-Remaining-${name}`, remainingPoints);
}

/** Both middlewares of the quick start: quotas in Redis, usage in PostgreSQL. */
async function tallygate(): Promise<Mounted> {
  const { createTallygate }: typeof import('../src/index.js') = await import(pathToFileURL(builtModule('index')).href);
  const made = createTallygate({ resolveTenant: (req) => req.headers['x-tenant'] });
  return {
    handlers: [made.tenantQuota(), made.usageMeter()],
    settle: () => made.flush(),
    close: async () => {
      const found = [...(await made.metrics()).matchAll(WITHOUT_STORE)];
      await made.close();
      return found.reduce((sum, [, requests]) => sum + Number(requests), 0);
    },
  };
}
