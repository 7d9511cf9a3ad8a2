// Charges many tenants once, under a plan with four fixed limits, for the figure of redisMemory.ts.
import { pathToFileURL } from 'node:url';
import { builtModule } from '../test/servers/builtModule.js';
import { answerCalls } from './calls.js';
import type { FillQuestion } from './redisMemory.js';
import { LIMIT } from './rows.js';
import { tenantIds } from './traffic.js';

/** Tenants charged at a time. */
const AT_ONCE = 100;

async function main(): Promise<void> {
  const { createTallygate }: typeof import('../src/index.js') = await import(pathToFileURL(builtModule('index')).href);
  const windows = ['minute', 'hour', 'day', 'month'] as const;
  const { quota } = createTallygate({
    plans: { four: windows.map((window) => ({ name: window, limit: LIMIT, window })) },
    defaultPlan: 'four',
  });
  answerCalls(async ({ from, to }: FillQuestion) => {
    const ids = tenantIds(to);
    for (let at = from; at < to; at += AT_ONCE)
      await Promise.all(ids.slice(at, Math.min(to, at + AT_ONCE)).map((tenantId) => quota.consume(tenantId)));
    return {};
  });
}

void main();
