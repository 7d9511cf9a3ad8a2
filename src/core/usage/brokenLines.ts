// The lines of a log that say nothing: all of them counted, the first of them named.

/** Broken lines that are named. */
const MAX_NAMED = 1000;

/** A line that did not count. */
export interface BrokenLine {
  /** From 1, in the whole log. */
  readonly line: number;
  readonly reason: string;
}

/** Collects broken lines in the order of the log. */
export class BrokenLines {
  readonly #named: BrokenLine[] = [];
  #count = 0;

  add(line: number, reason: string): void {
    this.#count += 1;
    if (this.#named.length < MAX_NAMED) this.#named.push({ line, reason });
  }

  get count(): number {
    return this.#count;
  }

  /** The first 1,000 of them. */
  get named(): readonly BrokenLine[] {
    return this.#named;
  }
}
