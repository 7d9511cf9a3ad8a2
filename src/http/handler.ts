// The shape of our middlewares: plain node:http, so that Express, Connect and a bare server can all call them, with no
// framework's types in any of our declarations.
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Hands the request on; with an error, to whoever handles errors. */
export type Next = (error?: unknown) => void;

/** A middleware. */
export type Handler = (req: IncomingMessage, res: ServerResponse, next: Next) => void;
