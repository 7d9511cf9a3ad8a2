// Several servers of ours on one database and one Redis, as real processes, and clients that keep many requests in flight.
import { Agent, request } from 'node:http';
import { resolve } from 'node:path';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';
import { newFolder } from '../servers/runFolder.js';

export const ADMIN_TOKEN = 'tg_test_fleet_0123456789';
/** For a busy machine. */
const START_MS = 60_000;
const ROOT = resolve(__dirname, '../..');

/** One server. */
export interface FleetServer {
  readonly url: string;
  readonly process: StartedProcess;
}

/** The command of this checkout. */
export const TALLYGATE = resolve(ROOT, 'bin/tallygate.js');

/** Starts one server on a free port and waits until it is ready. @param command of another version */
export async function startServer(env: Readonly<Record<string, string>>, command = TALLYGATE): Promise<FleetServer> {
  const process = await startProcess('node', [command, 'serve'], {
    env: { PORT: '0', ADMIN_TOKEN, TALLYGATE_DATA_DIR: newFolder('server'), ...env },
  });
  try {
    const [url] = await process.waitForLine(/http:\/\/127\.0\.0\.1:\d+/, START_MS);
    return { url, process };
  } catch (error) {
    await process.end();
    throw error;
  }
}

/** Starts servers, two at a time: more would only wait for a processor. Those that did start are ended where one did not. */
export async function startServers(count: number, env: Readonly<Record<string, string>>): Promise<FleetServer[]> {
  const started: FleetServer[] = [];
  try {
    await flood(count, 2, async () => void started.push(await startServer(env)));
    return started;
  } catch (error) {
    await Promise.all(started.map((server) => server.process.end()));
    throw error;
  }
}

/** SIGTERM to all: they give back and flush what they hold. @returns their exit codes */
export async function endServers(servers: readonly FleetServer[]): Promise<(number | null)[]> {
  for (const server of servers) server.process.kill('SIGTERM');
  return (await Promise.all(servers.map((server) => server.process.exit))).map(({ code }) => code);
}

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readonly<Record<string, unknown>>;
}

// An idle connection is closed here before the server does it, or a request could meet its end.
const agent = new Agent({ keepAlive: true, maxSockets: 400, timeout: 2_000 });

/** Sends one request with the admin token. @param idempotencyKey under which it is told again */
export async function call(method: string, url: string, body?: unknown, idempotencyKey?: string): Promise<Answer> {
  const { status, headers, text } = await send(method, url, body, idempotencyKey);
  return { status, headers, body: text === '' ? {} : JSON.parse(text) };
}

/** A figure of a server's metrics; of several series of that name the sum. 0 where there is none. */
export async function metricOf(server: Pick<FleetServer, 'url'>, name: string): Promise<number> {
  const { text } = await send('GET', `${server.url}/metrics`);
  const series = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return series.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

interface TextAnswer extends Pick<Answer, 'status' | 'headers'> {
  readonly text: string;
}

function send(method: string, url: string, body?: unknown, idempotencyKey?: string): Promise<TextAnswer> {
  return new Promise((resolve, reject) => {
    const keyed = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json', ...keyed };
    const sent = request(url, { method, agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** One unit, or `cost`, of a tenant. */
export const consume = (server: Pick<FleetServer, 'url'>, tenant: string, cost = 1): Promise<Answer> =>
  call('POST', `${server.url}/v1/consume`, { tenant, cost });

/** A limit in the body of an answer, by its name. */
export function limitIn(answer: Answer, name: string): { remaining: number; resetAt: string } | undefined {
  const limits = answer.body.limits;
  return Array.isArray(limits) ? limits.find((one) => one.name === name) : undefined;
}

/** Where a tenant's limit stands, by the quota API. */
export async function standingOf(
  server: Pick<FleetServer, 'url'>,
  tenant: string,
  name: string,
): Promise<{ used: number | null; held: number; remaining: number | null }> {
  const { body, status } = await call('GET', `${server.url}/api/admin/quotas/${encodeURIComponent(tenant)}`);
  const found = Array.isArray(body.limits) ? body.limits.find((one) => one.name === name) : undefined;
  if (found === undefined) throw new Error(`no limit ${name} in a ${status}: ${JSON.stringify(body)}`);
  return found;
}

/** A setting of the tenant's, with a day that does not end under a test. */
export async function setTenant(server: Pick<FleetServer, 'url'>, tenant: string, body: object): Promise<void> {
  const path = `/api/admin/quotas/${encodeURIComponent(tenant)}`;
  const { status, body: said } = await call('PUT', `${server.url}${path}`, { timeZone: zoneAtNoon(), ...body });
  if (status !== 200) throw new Error(`PUT ${path}: ${status} ${JSON.stringify(said)}`);
}

/** Costs from 1 to `most` by a multiplicative congruence, so that a failure repeats itself. */
export function costs(most: number, seed = 20261124): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return 1 + (state % most);
  };
}

/** Calls `send` again and again, `inFlight` at once, until `count` were made. */
export async function flood<T>(count: number, inFlight: number, send: (index: number) => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      answers.push(await send(index));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return answers;
}

/** A zone in which it is about noon now, so that no test's day ends under it. */
export function zoneAtNoon(now = new Date()): string {
  const ahead = 12 - now.getUTCHours();
  // Etc/GMT-3 is three hours ahead of Greenwich: the sign is POSIX's.
  return ahead === 0 ? 'Etc/GMT' : `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`;
}
