// How long and how hard: what `npm run bench` measures, and what `--quick` measures to prove that it runs.

export interface BenchOptions {
  /** Each round measures every cell once; the order of one is the reverse of the one before. */
  readonly rounds: number;
  /** How long a cell is measured in a round, in milliseconds, */
  readonly measureMs: number;
  /** and how long it is under load before. */
  readonly leadInMs: number;
  /** Requests to each app before the first round: code that has run less than that is not compiled yet, */
  readonly warmUpRequests: number;
  /** in at most so many milliseconds an app. */
  readonly warmUpMs: number;
  readonly connections: number;
  /** No round begins that would not end within so many milliseconds from the start of the process. */
  readonly budgetMs: number;
  /** Tenants whose bytes in Redis are measured. */
  readonly memoryTenants: number;
  readonly json: boolean;
}

// Many short rounds: on a machine that does other things too, what it does then hits every row alike.
const FULL = {
  rounds: 10,
  measureMs: 400,
  leadInMs: 100,
  warmUpRequests: 10_000,
  warmUpMs: 4_000,
  connections: 64,
  budgetMs: 150_000,
  memoryTenants: 10_000,
};

const QUICK = {
  ...FULL,
  rounds: 1,
  measureMs: 100,
  leadInMs: 20,
  warmUpRequests: 0,
  warmUpMs: 0,
  memoryTenants: 5_000,
};

export const USAGE = 'npm run bench -- [--quick] [--rounds N] [--json]';

const MOST_ROUNDS = 100;

/** @throws Error for arguments that mean nothing */
export function readOptions(args: readonly string[]): BenchOptions {
  let options: BenchOptions = { ...FULL, json: false };
  for (let at = 0; at < args.length; at += 1) {
    if (args[at] === '--quick') options = { ...options, ...QUICK };
    else if (args[at] === '--json') options = { ...options, json: true };
    else if (args[at] === '--rounds') {
      at += 1;
      const rounds = Number(args[at]);
      if (!Number.isInteger(rounds) || rounds < 1 || rounds > MOST_ROUNDS)
        throw new Error(`--rounds: expected a whole number from 1 to ${MOST_ROUNDS}, got ${args[at]}`);
      options = { ...options, rounds };
    } else throw new Error(`expected ${USAGE}, got ${args[at]}`);
  }
  return options;
}
