// The rounds: which cell is measured when, and what one measurement is.
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { type StartedProcess, startProcess } from '../test/servers/childProcess.js';
import { newFolder } from '../test/servers/runFolder.js';
import type { AppClosed, AppListening, AppQuestion, AppUsed } from './app.js';
import { call } from './calls.js';
import type { Cell, MeasuredCell, Sample } from './figures.js';
import type { LoadAnswer, LoadQuestion } from './load.js';
import type { BenchOptions } from './options.js';
import { FRAMEWORKS, type Framework, isMetered, LIMIT, ROW_ENVIRONMENT, ROWS, type Row } from './rows.js';
import type { BenchStores } from './stores.js';
import { type Order, TENANT_COUNT, TRAFFICS } from './traffic.js';

/** Longest wait for an answer beyond the time that its work is given. */
const PATIENCE_MS = 60_000;

/** How long one kind of traffic is sent at a time before the first round, in milliseconds. */
const WARM_UP_STEP_MS = 200;

/** Environment of every process with Tallygate in it. */
export const appEnvironment = (): Readonly<Record<string, string>> => ({
  NODE_ENV: 'production',
  LOG_LEVEL: 'warn',
  TALLYGATE_DATA_DIR: newFolder('data'),
  QUOTA_FREE_PER_MINUTE: String(LIMIT),
  QUOTA_FREE_PER_DAY: String(LIMIT),
});

/** An app that listens. */
interface App {
  readonly framework: Framework;
  readonly row: Row;
  readonly process: StartedProcess;
  readonly port: number;
}

/** What all rounds gave. */
export interface Measurement {
  readonly cells: readonly MeasuredCell[];
  readonly rounds: number;
  /** Requests that rows which meter have answered with 200, warm-up and lead-ins included. */
  readonly meteredRequests: number;
  /** Those of them that were decided although Redis had not answered within its timeout: the machine was too busy. */
  readonly withoutStore: number;
  /** The machine's load over one minute, at the end of each round. */
  readonly loads: readonly number[];
}

/** See the head of this file. */
export class Bench {
  readonly #stores: BenchStores;
  readonly #options: BenchOptions;
  readonly #say: (message: string) => void;
  readonly #started: StartedProcess[] = [];
  #meteredRequests = 0;

  constructor(stores: BenchStores, options: BenchOptions, say: (message: string) => void) {
    this.#stores = stores;
    this.#options = options;
    this.#say = say;
  }

  /** Starts the apps and the load, measures, and closes the apps: then all that they metered is in the ledger. */
  async run(): Promise<Measurement> {
    const { rounds, budgetMs } = this.#options;
    const load = await this.#start('load.js', [], {});
    const apps = await Promise.all(
      FRAMEWORKS.flatMap((framework) => ROWS.map((row) => this.#startApp(framework, row))),
    );
    this.#say(`${apps.length} apps are up`);
    await this.#warmUp(load, apps);
    const cells = TRAFFICS.flatMap((traffic) =>
      apps.map((app) => ({ app, traffic, framework: app.framework, row: app.row, samples: [] as Sample[] })),
    );
    const loads: number[] = [];
    let longestMs = 0;
    for (let round = 1; round <= rounds; round += 1) {
      const roundAt = performance.now();
      if (roundAt + longestMs > budgetMs) break;
      // Whatever drifts while a round lasts hits the first of one round and the last of the next.
      for (const cell of round % 2 === 1 ? cells : cells.toReversed())
        cell.samples.push(await this.#measure(load, cell, cell.app));
      longestMs = Math.max(longestMs, performance.now() - roundAt);
      loads.push(loadavg()[0] ?? Number.NaN);
      this.#say(`round ${round} of ${rounds} is done`);
    }
    let withoutStore = 0;
    for (const app of apps) withoutStore += (await this.#ask<AppClosed>(app, 'close')).withoutStore;
    return {
      cells: cells.map(({ traffic, framework, row, samples }) => ({ traffic, framework, row, samples })),
      rounds: loads.length,
      meteredRequests: this.#meteredRequests,
      withoutStore,
      loads,
    };
  }

  /** Ends every process that was started, by its own pid. */
  async end(): Promise<void> {
    await Promise.all(this.#started.map((started) => started.end()));
  }

  async #start(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<StartedProcess> {
    const started = await startProcess(process.execPath, [join(__dirname, file), ...args], { env, ipc: true });
    this.#started.push(started);
    return started;
  }

  async #startApp(framework: Framework, row: Row): Promise<App> {
    const env = {
      ...appEnvironment(),
      ...this.#stores.environment,
      ...ROW_ENVIRONMENT[row],
      REDIS_KEY_PREFIX: `${framework}-${row}:`,
    };
    const started = await this.#start('app.js', [framework, row], env);
    const question: AppQuestion = { what: 'listen' };
    const { port } = await call<AppListening>(started, question, PATIENCE_MS);
    return { framework, row, process: started, port };
  }

  /**
   * Twice each tenant, with other traffic between: a process asks the ledger at a tenant's first request, and once more after its
   * next flush.
   */
  async #warmUp(load: StartedProcess, apps: readonly App[]): Promise<void> {
    const { warmUpRequests, warmUpMs } = this.#options;
    const all = { durationMs: warmUpMs, requests: TENANT_COUNT };
    for (const app of apps) {
      const startedAt = performance.now();
      let answered = (await this.#send(load, app, 'each', all)).requests;
      while (answered < warmUpRequests && performance.now() - startedAt < warmUpMs)
        for (const order of TRAFFICS)
          answered += (await this.#send(load, app, order, { durationMs: WARM_UP_STEP_MS })).requests;
    }
    for (const app of apps) await this.#send(load, app, 'each', all);
  }

  async #measure(load: StartedProcess, cell: Cell, app: App): Promise<Sample> {
    const { leadInMs, measureMs } = this.#options;
    await this.#send(load, app, cell.traffic, { durationMs: leadInMs });
    const callsBefore = await this.#stores.redisCalls();
    await this.#ask(app, 'begin');
    const sent = await this.#send(load, app, cell.traffic, { durationMs: measureMs });
    const { cpuUs } = await this.#ask<AppUsed>(app, 'end');
    const redisCalls = (await this.#stores.redisCalls()) - callsBefore;
    const answered = sent.requests + sent.others;
    return {
      requests: sent.requests,
      others: sent.others,
      requestsPerSecond: (sent.requests / sent.elapsedMs) * 1000,
      cpuUsPerRequest: cpuUs / answered,
      p50Ms: sent.p50Ms,
      p99Ms: sent.p99Ms,
      redisCallsPerRequest: redisCalls / answered,
    };
  }

  async #send(
    load: StartedProcess,
    { port, row }: App,
    order: Order,
    bounds: Pick<LoadQuestion, 'durationMs' | 'requests'>,
  ): Promise<LoadAnswer> {
    const question: LoadQuestion = { port, order, connections: this.#options.connections, ...bounds };
    const answer = await call<LoadAnswer>(load, question, bounds.durationMs + PATIENCE_MS);
    if (isMetered(row)) this.#meteredRequests += answer.requests;
    return answer;
  }

  #ask<Answer extends object>(app: App, what: AppQuestion['what']): Promise<Answer> {
    const question: AppQuestion = { what };
    return call<Answer>(app.process, question, PATIENCE_MS);
  }
}
