// Access logs with known totals: made from a number, so that a test can say what the ledger must hold afterwards.

/** A log and what it is worth. */
export interface MadeLog {
  readonly text: string;
  readonly lines: number;
  /** Line numbers that are broken, and lines without a tenant. */
  readonly broken: readonly number[];
  readonly withoutTenant: number;
  /** Calls and users of each tenant by date. */
  readonly usage: ReadonlyMap<string, ReadonlyMap<string, DayUsage>>;
}

/** A tenant's day. */
export interface DayUsage {
  calls: number;
  readonly users: Set<string>;
}

/** How a log is made. */
export interface LogOptions {
  /** Begins the tenants' names, and so makes the log one of its own. */
  readonly name: string;
  readonly lines: number;
  readonly seed?: number;
  /** Hours that a tenant's zone is ahead of UTC, by the tenant's number; 0 where it is not named. */
  readonly hoursAhead?: Readonly<Record<number, number>>;
}

const TENANTS = 5;
const USERS = 11;
const DAYS = 5;
const FIRST_INSTANT = Date.UTC(2015, 4, 29, 12);
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const BROKEN = ['', 'garbage', '192.0.2.1 - - [31/Jun/2015:00:00:00 +0000] "GET / HTTP/1.1" 200 1'];
const AGENTS = [' "-" "agent"', ' "http://example.com/" "an agent that is not closed', ''];

/** The tenant of that number in the log of that name. */
export const tenantOf = (name: string, number: number): string => `${name}-${number}`;

/** Lines over five days around the end of a month, most of them whole, some broken, some without a tenant or user. */
export function makeLog({ name, lines, seed = 1, hoursAhead = {} }: LogOptions): MadeLog {
  const random = numbersFrom(seed);
  const usage = new Map<string, Map<string, DayUsage>>();
  const broken: number[] = [];
  const text: string[] = [];
  let withoutTenant = 0;
  for (let line = 1; line <= lines; line += 1) {
    const kind = line === 1 ? 99 : random(100);
    if (kind < 2) {
      broken.push(line);
      text.push(BROKEN[random(BROKEN.length)] as string);
      continue;
    }
    const number = random(TENANTS);
    const tenant = kind < 5 ? '-' : tenantOf(name, number);
    const user = kind < 30 ? '-' : `user ${random(USERS)}`;
    const instant = new Date(FIRST_INSTANT + random(DAYS * 86_400) * 1000);
    text.push(`${tenant} - ${user} ${timeOf(instant)} "GET /a\\"b HTTP/1.1" 200 17${AGENTS[random(AGENTS.length)]}`);
    if (tenant === '-') withoutTenant += 1;
    else count(usage, tenant, dateOf(instant, hoursAhead[number] ?? 0), user);
  }
  return { text: `${text.join('\n')}\n`, lines, broken, withoutTenant, usage };
}

function count(usage: Map<string, Map<string, DayUsage>>, tenant: string, date: string, user: string): void {
  const days = usage.get(tenant) ?? new Map<string, DayUsage>();
  const day = days.get(date) ?? { calls: 0, users: new Set<string>() };
  day.calls += 1;
  if (user !== '-') day.users.add(user);
  usage.set(tenant, days.set(date, day));
}

const two = (value: number): string => String(value).padStart(2, '0');

function timeOf(instant: Date): string {
  const date = `${two(instant.getUTCDate())}/${MONTHS[instant.getUTCMonth()]}/${instant.getUTCFullYear()}`;
  const time = [instant.getUTCHours(), instant.getUTCMinutes(), instant.getUTCSeconds()].map(two).join(':');
  return `[${date}:${time} +0000]`;
}

const dateOf = (instant: Date, hoursAhead: number): string =>
  new Date(instant.getTime() + hoursAhead * 3_600_000).toISOString().slice(0, 10);

/** Whole numbers below what is asked for, always the same for a seed (a linear congruence, its upper bits). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
