// `npm run bench`: what a request costs with nothing before it, with a turn of waiting, with the usual limiter, and with Tallygate.
// It prints what it measured on this machine, now; it knows no figure and chooses no winner.
import { cpus, loadavg } from 'node:os';
import { beginRun, endRun } from '../test/servers/runFolder.js';
import { figuresText } from './figures.js';
import { appEnvironment, Bench, type Measurement } from './measure.js';
import { type BenchOptions, readOptions } from './options.js';
import { redisBytesPerTenant } from './redisMemory.js';
import { type BenchStores, startStores } from './stores.js';

const say = (message: string) => void process.stderr.write(`bench: ${message}\n`);

/** Everything that a run found. */
interface Findings extends Measurement {
  readonly machine: string;
  readonly servers: string;
  readonly loadBefore: number;
  readonly ledgerCalls: number;
  readonly redisBytesPerTenant: number;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  beginRun();
  let stores: BenchStores | undefined;
  let bench: Bench | undefined;
  const stop = async () => {
    await bench?.end();
    await stores?.stop();
    endRun();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      say(`stopped by ${signal}`);
      void stop().finally(() => process.exit(1));
    });
  }
  try {
    stores = await startStores();
    bench = new Bench(stores, options, say);
    const findings = await find(stores, bench, options);
    process.stdout.write(options.json ? `${JSON.stringify(findings)}\n` : textOf(findings, options));
  } finally {
    await stop();
  }
}

async function find(stores: BenchStores, bench: Bench, options: BenchOptions): Promise<Findings> {
  const { model, speed } = cpus()[0] ?? { model: 'unknown', speed: 0 };
  const loadBefore = loadavg()[0] ?? Number.NaN;
  const measurement = await bench.run();
  return {
    ...measurement,
    machine: `${cpus().length} x ${model.trim()}${speed > 0 ? ` at ${speed} MHz` : ''}, Node ${process.version}`,
    servers: await stores.versions(),
    loadBefore,
    ledgerCalls: await stores.meteredCalls(),
    redisBytesPerTenant: await redisBytesPerTenant(stores, appEnvironment(), options.memoryTenants),
  };
}

function textOf(findings: Findings, options: BenchOptions): string {
  const { cells, rounds, loads } = findings;
  const others = cells.flatMap(({ samples }) => samples).reduce((sum, sample) => sum + sample.others, 0);
  const load = [findings.loadBefore, ...loads].map((value) => value.toFixed(1)).join(' ');
  return [
    `${rounds} rounds of ${options.measureMs} ms a figure, ${options.connections} connections; medians, lowest..highest.`,
    `${findings.machine}; ${findings.servers}.`,
    `All of it on one machine. Its load before and after each round: ${load}.`,
    '',
    figuresText(cells),
    `${findings.meteredRequests} requests answered with Tallygate, ${findings.ledgerCalls} in the ledger; ${findings.withoutStore} of them decided without an answer of Redis in time.`,
    `${others} answers with another status than 200.`,
    `${findings.redisBytesPerTenant.toFixed(0)} bytes of Redis a tenant (${options.memoryTenants} tenants, UUIDs, four fixed limits).`,
    '',
  ].join('\n');
}

main().catch((error: unknown) => {
  say(error instanceof Error ? `${error.stack}` : String(error));
  process.exitCode = 1;
});
