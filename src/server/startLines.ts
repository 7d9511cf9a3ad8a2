// What the server says on stdout when it listens: the address, the stores and what they do not promise, the admin token on
// the first run, and one curl line that works as it is.
import { join } from 'node:path';

/** What the lines tell of. */
export interface StartFacts {
  /** As it listens: the real port, also where any was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  readonly stores: {
    /** The schema where it is PostgreSQL; undefined: the embedded database. */
    readonly postgresSchema: string | undefined;
    readonly redis: boolean;
  };
  /** Absolute. */
  readonly dataFolder: string;
  /**
   * `environment`: ADMIN_TOKEN is set and is never printed. `made`: on this start, the one time to show it. `kept`: made
   * before.
   */
  readonly token: { readonly from: 'environment' | 'kept' } | { readonly from: 'made'; readonly token: string };
}

/** The name of the token's file in the data folder. */
const TOKEN_FILE = 'admin-token';

/** The lines, in their order. */
export function startLines(facts: StartFacts): string[] {
  const lines = [
    `Tallygate listens on ${urlOf(facts.address)}`,
    `Stores: ${ledgerLine(facts)}; ${countersLine(facts)}`,
  ];
  if (facts.token.from === 'made') {
    const file = join(facts.dataFolder, TOKEN_FILE);
    lines.push(`Admin token (shown once, kept in ${file}): ${facts.token.token}`);
  }
  return [...lines, curlLine(facts)]; // bare, so that the whole line can be pasted
}

/** The URL at which a person on this machine reaches the address. */
export function urlOf({ host, port }: StartFacts['address']): string {
  // The addresses that mean "all" are none that a client can be sent to everywhere.
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

function ledgerLine({ stores, dataFolder }: StartFacts): string {
  if (stores.postgresSchema !== undefined) return `usage in PostgreSQL (schema "${stores.postgresSchema}")`;
  return `usage in the embedded database in ${dataFolder} (one process at a time; a power failure can lose more than the last flush, even the folder: back it up, or set DATABASE_URL)`;
}

function countersLine({ stores }: StartFacts): string {
  if (stores.redis) return 'counters in Redis (shared by all processes)';
  return 'counters in this process (quotas hold for this process alone; minute and hour start anew with it: set REDIS_URL to share them)';
}

function curlLine({ address, dataFolder, token }: StartFacts): string {
  const secret = token.from === 'environment' ? '$ADMIN_TOKEN' : `$(cat ${quoted(join(dataFolder, TOKEN_FILE))})`;
  return `curl -sS ${urlOf(address)}/v1/consume -H "Authorization: Bearer ${secret}" -H 'Content-Type: application/json' -d '{"tenant":"try-me"}'`;
}

/** For a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
