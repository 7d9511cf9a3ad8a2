// What is measured: the rows of the tables, and the frameworks that each of them is measured on.

/** The rows, in the order in which they are printed. */
export const ROWS = ['none', 'turn', 'rate-limiter-flexible', 'tallygate-strict', 'tallygate-leased'] as const;

export type Row = (typeof ROWS)[number];

export const ROW_TITLE: Readonly<Record<Row, string>> = {
  none: 'no middleware',
  turn: 'waits for the end of the turn',
  'rate-limiter-flexible': 'rate-limiter-flexible',
  'tallygate-strict': 'Tallygate, strict',
  'tallygate-leased': 'Tallygate, leased',
};

/** What a row adds to the environment of its process. */
export const ROW_ENVIRONMENT: Readonly<Record<Row, Readonly<Record<string, string>>>> = {
  none: {},
  turn: {},
  'rate-limiter-flexible': {},
  'tallygate-strict': { QUOTA_MODE: 'strict' },
  'tallygate-leased': { QUOTA_MODE: 'leased' },
};

/** Whether the row meters into the ledger. */
export const isMetered = (row: Row): boolean => row.startsWith('tallygate');

export const FRAMEWORKS = ['express', 'http'] as const;

export type Framework = (typeof FRAMEWORKS)[number];

export const FRAMEWORK_TITLE: Readonly<Record<Framework, string>> = { express: 'Express 5', http: 'node:http' };

/** A limit that nobody reaches: admissions are measured, not refusals. */
export const LIMIT = 1_000_000_000;
