// What REDIS_URL may say: one server, or a comma list of the nodes of a cluster or of sentinels.

/** What the servers are. */
export const REDIS_MODES = ['single', 'cluster', 'sentinel'] as const;
export type RedisMode = (typeof REDIS_MODES)[number];

/** Redis servers by URL. The URLs may hold passwords. */
export interface RedisServers {
  readonly mode: RedisMode;
  /**
   * `redis://` or `rediss://`: the server, or some nodes of the cluster, or the sentinels. User, password and (not in a cluster)
   * database number of the first hold for every Redis server.
   */
  readonly urls: readonly [string, ...string[]];
  /** Name of the master that the sentinels watch, in mode `sentinel`. */
  readonly sentinelName?: string | undefined;
}

/** A comma list of URLs, as they stand; empty entries fall out. */
export const redisUrls = (text: string): string[] =>
  text
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '');

/** What is wrong with a list of URLs, without repeating any: a URL holds a password, and a broken one may hold it anywhere. */
export function redisUrlsFault(urls: readonly string[], mode: RedisMode): string | undefined {
  if (urls.length === 0) return 'expected redis:// or rediss://…, got an empty list';
  if (mode === 'single' && urls.length > 1)
    return `expected one server, got a list of ${urls.length}; REDIS_MODE says what a list is: cluster or sentinel`;
  const parsed: URL[] = [];
  for (const [index, text] of urls.entries()) {
    const fault = urlFault(text, mode);
    if (fault !== undefined) return urls.length === 1 ? fault : `entry ${index + 1}: ${fault}`;
    parsed.push(new URL(text));
  }
  if (new Set(parsed.map((url) => url.protocol)).size > 1)
    return 'expected one scheme, got both redis:// and rediss://';
  const credentials = parsed.map((url) => `${url.username}:${url.password}`).filter((text) => text !== ':');
  if (new Set(credentials).size > 1) return 'expected one user and password for all, got different ones (not shown)';
  return undefined;
}

function urlFault(text: string, mode: RedisMode): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return 'expected redis:// or rediss://…, got something that is no URL (not shown)';
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    return `expected redis:// or rediss://…, got a URL of scheme ${url.protocol}// (not shown)`;
  if (url.hostname === '') return 'expected a host, got a URL without one (not shown)';
  if (!/^\/?\d*$/.test(url.pathname)) return 'expected a database number as the path, got something else (not shown)';
  if (mode === 'cluster' && !/^\/?0*$/.test(url.pathname))
    return `expected no database number, got "${url.pathname}": a cluster has one database`;
  return undefined;
}
