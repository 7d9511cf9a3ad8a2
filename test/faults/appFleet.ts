// Apps of users' as real processes (appProcess.mjs), and what they tell.
import { resolve } from 'node:path';
import { startProcess } from '../servers/childProcess.js';
import { newFolder } from '../servers/runFolder.js';
import { type Answer, call, type FleetServer } from './serverFleet.js';

/** One app. */
export interface AppProcess extends FleetServer {
  /** What it told of an event, in order. */
  events(name: string): Readonly<Record<string, unknown>>[];
}

/** Starts an app. @param options of createTallygate, as far as JSON can say them */
export async function startApp(env: Readonly<Record<string, string>>, options: object = {}): Promise<AppProcess> {
  const process = await startProcess('node', [resolve(__dirname, 'appProcess.mjs')], {
    env: {
      TALLYGATE_DATA_DIR: newFolder('app'),
      QUOTA_STORE_TIMEOUT_MS: '10000',
      ...env,
      APP_OPTIONS: JSON.stringify(options),
    },
  });
  try {
    const [url] = await process.waitForLine(/http:\/\/127\.0\.0\.1:\d+/, 60_000);
    const told = () =>
      process
        .stdout()
        .split('\n')
        .filter((line) => line.startsWith('{'));
    const events = (name: string) =>
      told()
        .map((line) => JSON.parse(line))
        .filter((one) => one.event === name);
    return { url, process, events };
  } catch (error) {
    await process.end();
    throw error;
  }
}

/** One request of a tenant. An admitted one answers with its decision. */
export const work = (app: FleetServer, tenant: string, cost = 1): Promise<Answer> =>
  call('GET', `${app.url}/work?tenant=${encodeURIComponent(tenant)}&cost=${cost}`);
