// `npm run bench`, or `-- requests`: what a request costs with nothing before it, with a turn of waiting, with the usual limiter, and
// with Tallygate.
import { loadavg } from 'node:os';
import { figuresText } from './figures.js';
import { machineLine } from './machine.js';
import { appEnvironment, Bench, type Measurement } from './measure.js';
import { type BenchOptions, readOptions } from './options.js';
import { redisBytesPerTenant } from './redisMemory.js';
import type { Part, Run } from './run.js';
import { startStores } from './stores.js';

/** Everything that a run found. */
interface Findings extends Measurement {
  readonly machine: string;
  readonly servers: string;
  readonly loadBefore: number;
  readonly ledgerCalls: number;
  readonly redisBytesPerTenant: number;
}

/** See the head of this file. */
export const requests: Part = async (args, run) => {
  const options = readOptions(args);
  const findings = await find(options, run);
  return options.json ? `${JSON.stringify(findings)}\n` : textOf(findings, options);
};

async function find(options: BenchOptions, { say, atEnd }: Run): Promise<Findings> {
  const stores = await startStores();
  atEnd(stores.stop);
  const bench = new Bench(stores, options, say);
  atEnd(() => bench.end());
  const loadBefore = loadavg()[0] ?? Number.NaN;
  const measurement = await bench.run();
  return {
    ...measurement,
    machine: machineLine(),
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
