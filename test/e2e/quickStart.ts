// What tests of a small app send and look at.
import { until } from '../servers/until.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** `X-RateLimit-Remaining-Minute`. */
  readonly remaining: string | null;
  readonly body: unknown;
}

/** A GET in the name of a tenant; `header` is how the app tells tenants apart. */
export async function getAs(url: string, tenant: string, header = 'x-tenant'): Promise<Answer> {
  const response = await fetch(url, { headers: { [header]: tenant } });
  const { status, headers } = response;
  return { status, headers, remaining: headers.get('x-ratelimit-remaining-minute'), body: await response.json() };
}

/** Waits, at most 5 s, where the running minute is about to end: the requests that follow shall share one minute's quota. */
export async function startOfMinute(): Promise<void> {
  await until(() => new Date().getUTCSeconds() < 55, { what: 'the next minute begins' });
}

/** Waits until a tenant of its own is let in: the embedded database is open then, which takes seconds where it is new. */
export async function isOpen(url: string, tenant: string, header?: string): Promise<void> {
  await until(async () => (await getAs(url, tenant, header)).status === 200, {
    deadlineMs: 60_000,
    pollMs: 200,
    what: 'the app lets the first request in',
  });
}
