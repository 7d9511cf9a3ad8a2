// Answers, written to a plain node:http response.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ProblemBody, type ProblemCode, problem, problemOf } from './problem.js';
import { requestIdOf } from './requestId.js';

/** A response header: its name and its value. */
export type HeaderPair = readonly [name: string, value: string];

/** The challenge that RFC 9110 demands with every 401. */
const CHALLENGE = 'Bearer realm="tallygate"';

export function setHeaders(res: ServerResponse, headers: readonly HeaderPair[]): void {
  // A handler before us may have answered already; adding headers then would throw into its request.
  if (res.headersSent) return;
  for (const [name, value] of headers) res.setHeader(name, value);
}

/** Answers with JSON and ends the response. */
export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  send(res, status, 'application/json; charset=utf-8', body);
}

/** Answers with a problem and ends the response. */
export function sendProblem(res: ServerResponse, body: ProblemBody): void {
  if (body.status === 401) setHeaders(res, [['WWW-Authenticate', CHALLENGE]]);
  if (body.status === 503) setHeaders(res, [['Retry-After', '1']]);
  send(res, body.status, 'application/problem+json; charset=utf-8', body);
}

/** Answers with the problem of anything thrown. */
export function sendError(req: IncomingMessage, res: ServerResponse, error: unknown): void {
  sendProblem(res, problemOf(error, requestIdOf(req)));
}

/** Answers with a problem that has no error behind it. */
export function refuse(req: IncomingMessage, res: ServerResponse, code: ProblemCode, detail?: string): void {
  sendProblem(res, problem(code, { requestId: requestIdOf(req), ...(detail === undefined ? {} : { detail }) }));
}

function send(res: ServerResponse, status: number, contentType: string, body: unknown): void {
  // Too late to say anything: the status is out. Cutting the connection tells the client that the answer is incomplete.
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const text = Buffer.from(`${JSON.stringify(body)}\n`);
  res.statusCode = status;
  res.setHeader('Content-Type', contentType);
  res.setHeader('Content-Length', text.length);
  res.setHeader('Cache-Control', 'no-store');
  res.end(text);
}
