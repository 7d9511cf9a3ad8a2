// The shape of our middlewares: plain node:http, so that Express, Connect and a bare server can all call them, with no
// framework's types in any of our declarations.
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Hands the request on; with an error, to whoever handles errors. */
export type Next = (error?: unknown) => void;

/** A request that a router has matched. */
export interface MatchedRequest extends IncomingMessage {
  /** What stood in the path, decoded, by the names in the route's pattern. */
  readonly params: Readonly<Record<string, string | string[] | undefined>>;
}

/** A route's end: it answers, or hands an error on. */
export type Endpoint = (req: MatchedRequest, res: ServerResponse, next: Next) => void;

/** What routes are mounted on. Express's Router has this shape; naming it here would put its types into our declarations. */
export interface RouteTable {
  get(path: string, endpoint: Endpoint): unknown;
  put(path: string, endpoint: Endpoint): unknown;
  post(path: string, endpoint: Endpoint): unknown;
  patch(path: string, endpoint: Endpoint): unknown;
  delete(path: string, endpoint: Endpoint): unknown;
}

/** A middleware. */
export type Handler = (req: IncomingMessage, res: ServerResponse, next: Next) => void;
