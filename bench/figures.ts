// From what was measured to what is printed: a figure is the median of its rounds, with the lowest and the highest.
import { textTable } from '../src/cli/textTable.js';
import { FRAMEWORK_TITLE, type Framework, ROW_TITLE, type Row } from './rows.js';
import { TRAFFIC_TITLE, type Traffic } from './traffic.js';

/** What is measured together, again in each round. */
export interface Cell {
  readonly traffic: Traffic;
  readonly framework: Framework;
  readonly row: Row;
}

/** One round of a cell. */
export interface Sample {
  readonly requests: number;
  /** Answers whose status was not 200. */
  readonly others: number;
  readonly requestsPerSecond: number;
  /** CPU of the app's process, in microseconds. */
  readonly cpuUsPerRequest: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Scripts and counts that Redis was asked for. */
  readonly redisCallsPerRequest: number;
}

/** A cell with all its rounds. */
export interface MeasuredCell extends Cell {
  readonly samples: readonly Sample[];
}

/** The middle of the values, the mean of the middle two where their number is even; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  return (lower + upper) / 2;
}

const HEADING = [
  ...['requests/s', 'min..max', 'CPU us/request', 'min..max', 'above bare'],
  ...['p50 ms', 'p99 ms', 'Redis calls/request'],
];

/** One table a traffic and framework, all of one run. */
export function figuresText(cells: readonly MeasuredCell[]): string {
  const tables = new Map<string, MeasuredCell[]>();
  for (const cell of cells) {
    const title = `${TRAFFIC_TITLE[cell.traffic]}, ${FRAMEWORK_TITLE[cell.framework]}`;
    tables.set(title, [...(tables.get(title) ?? []), cell]);
  }
  return [...tables].map(([title, rows]) => `${textTable([[title, ...HEADING], ...tableRows(rows)])}`).join('\n');
}

function tableRows(cells: readonly MeasuredCell[]): string[][] {
  const bare = cells.find(({ row }) => row === 'none');
  return cells.map((cell) => [
    ROW_TITLE[cell.row],
    medianOf(cell, 'requestsPerSecond').toFixed(0),
    rangeOf(cell, 'requestsPerSecond', 0),
    medianOf(cell, 'cpuUsPerRequest').toFixed(1),
    rangeOf(cell, 'cpuUsPerRequest', 1),
    bare === undefined || cell === bare ? '' : cpuAbove(bare, cell).toFixed(1),
    medianOf(cell, 'p50Ms').toFixed(2),
    medianOf(cell, 'p99Ms').toFixed(2),
    medianOf(cell, 'redisCallsPerRequest').toFixed(3),
  ]);
}

/** Median of the differences round by round: what the machine did besides in a round has hit both. */
export const cpuAbove = (bare: MeasuredCell, cell: MeasuredCell): number =>
  median(
    cell.samples.map(
      ({ cpuUsPerRequest }, round) => cpuUsPerRequest - (bare.samples[round]?.cpuUsPerRequest ?? Number.NaN),
    ),
  );

const medianOf = ({ samples }: MeasuredCell, figure: keyof Sample): number =>
  median(samples.map((sample) => sample[figure]));

function rangeOf({ samples }: MeasuredCell, figure: keyof Sample, digits: number): string {
  const values = samples.map((sample) => sample[figure]);
  return `${Math.min(...values).toFixed(digits)}..${Math.max(...values).toFixed(digits)}`;
}
