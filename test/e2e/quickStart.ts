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
