// Reads single variables of an environment and gathers what is wrong with them, so that all faults are told at once.
import { configurationFault, type Fault } from '../core/errors.js';

/** Variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Longest part of a refused value that is shown. */
const SHOWN_LENGTH = 80;

/** One reading of an environment. Each method answers with the default where its variable is unset, empty or at fault. */
export class EnvironmentReader {
  readonly faults: Fault[] = [];

  constructor(private readonly env: Environment) {}

  /** The variable's text; an empty variable is unset. */
  text(name: string): string | undefined {
    const value = this.env[name];
    return value === '' ? undefined : value;
  }

  /** Exactly `true` or `false`. */
  flag(name: string, otherwise: boolean): boolean {
    return this.choice(name, ['true', 'false'], otherwise ? 'true' : 'false') === 'true';
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[], otherwise: NoInfer<Choice>): Choice {
    const text = this.text(name);
    const chosen = text === undefined ? otherwise : choices.find((choice) => choice === text);
    if (chosen === undefined) this.expected(name, `one of ${choices.join(', ')}`, text);
    return chosen ?? otherwise;
  }

  /** A whole number in decimal digits, from `least` to `most`. */
  whole(name: string, { least, most, otherwise }: { least: number; most: number; otherwise: number }): number {
    const text = this.text(name);
    if (text === undefined) return otherwise;
    const value = wholeNumber(text);
    if (value !== undefined && value >= least && value <= most) return value;
    this.expected(name, `a whole number from ${least} to ${most}`, text);
    return otherwise;
  }

  /** Text that must match, for example a header's name. */
  matching(name: string, pattern: RegExp, expected: string): string | undefined {
    const text = this.text(name);
    if (text === undefined || pattern.test(text)) return text;
    this.expected(name, expected, text);
    return undefined;
  }

  /** A secret: what was found is not shown, only that it does not fit. */
  secret(name: string, pattern: RegExp, expected: string): string | undefined {
    const text = this.text(name);
    if (text === undefined || pattern.test(text)) return text;
    this.fault(name, `expected ${expected}, got something else (not shown)`);
    return undefined;
  }

  expected(name: string, expected: string, got: string | undefined): void {
    this.fault(name, `expected ${expected}, got ${got === undefined ? 'nothing' : quoted(got)}`);
  }

  fault(name: string, message: string): void {
    this.faults.push({ location: name, message });
  }

  /** Throws what was gathered, one line a fault. */
  throwFaults(): void {
    if (this.faults.length > 0) throw configurationFault(this.faults);
  }
}

/** The number that `text` writes in decimal digits alone, if it is at most 2^53-1. */
export function wholeNumber(text: string): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

const quoted = (text: string): string =>
  JSON.stringify(text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text);
