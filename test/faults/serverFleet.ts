// Several servers of ours on one database and one Redis, as real processes, and clients that keep many requests in flight.
import { Agent, request } from 'node:http';
import { resolve } from 'node:path';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';
import { newFolder } from '../servers/runFolder.js';

export const ADMIN_TOKEN = 'tg_test_fleet_0123456789';
const ROOT = resolve(__dirname, '../..');

/** One server. */
export interface FleetServer {
  readonly url: string;
  readonly process: StartedProcess;
}

/** Starts one server on a free port and waits until it is ready. */
export async function startServer(env: Readonly<Record<string, string>>): Promise<FleetServer> {
  const process = await startProcess('node', [resolve(ROOT, 'bin/tallygate.js'), 'serve'], {
    env: { PORT: '0', ADMIN_TOKEN, TALLYGATE_DATA_DIR: newFolder('server'), ...env },
  });
  const [url] = await process.waitForLine(/http:\/\/127\.0\.0\.1:\d+/, 30_000);
  return { url, process };
}

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readonly<Record<string, unknown>>;
}

const agent = new Agent({ keepAlive: true, maxSockets: 400 });

/** Sends one request with the admin token. */
export function call(method: string, url: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
    const sent = request(url, { method, agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        const parsed = text === '' ? {} : JSON.parse(text);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed });
      });
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
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
