// What a figure was measured on: every part of the bench prints it, since a figure without its conditions is none.
import { cpus, loadavg } from 'node:os';

/** Cores and Node. */
export function machineLine(): string {
  const { model, speed } = cpus()[0] ?? { model: 'unknown', speed: 0 };
  return `${cpus().length} x ${model.trim()}${speed > 0 ? ` at ${speed} MHz` : ''}, Node ${process.version}`;
}

/** The load over one minute, whenever it was noted. */
export class Loads {
  readonly #noted: number[] = [];

  note(): void {
    this.#noted.push(loadavg()[0] ?? Number.NaN);
  }

  /** For people: above the cores, the figures say how the machine was shared. */
  line(): string {
    return `Load of the machine: ${this.#noted.map((load) => load.toFixed(1)).join(' ')} (${cpus().length} cores).`;
  }
}
