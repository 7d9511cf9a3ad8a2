// The app that is measured, in a process of its own: one framework, one row's middlewares, a handler that does nothing.
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { answerCalls } from './calls.js';
import { type Handler, mount } from './middlewares.js';
import { ROWS } from './rows.js';

/** What the bench asks of an app. `listen` comes first and `close` last. */
export interface AppQuestion {
  readonly what: 'listen' | 'begin' | 'end' | 'close';
}

/** Answer to `listen`. */
export interface AppListening {
  readonly port: number;
}

/** Answer to `close`. */
export interface AppClosed {
  /** Requests that were decided although Redis had not answered in time. */
  readonly withoutStore: number;
}

/** Answer to `end`: CPU of the process since `begin`, in microseconds. */
export interface AppUsed {
  readonly cpuUs: number;
}

function answer(_: IncomingMessage, res: ServerResponse): void {
  res.setHeader('Content-Type', 'application/json');
  res.end('{"ok":true}');
}

function onExpress(handlers: readonly Handler[]): RequestListener {
  const app = express().disable('x-powered-by');
  for (const handler of handlers) app.use(handler);
  app.get('/', answer);
  return app;
}

function onHttp(handlers: readonly Handler[]): RequestListener {
  return (req, res) => {
    let at = 0;
    const next = (error?: unknown): void => {
      if (error !== undefined) {
        res.statusCode = 500;
        res.end(String(error));
        return;
      }
      const handler = handlers[at];
      at += 1;
      if (handler === undefined) answer(req, res);
      else handler(req, res, next);
    };
    next();
  };
}

async function main(): Promise<void> {
  const [framework, name] = process.argv.slice(2);
  const row = ROWS.find((known) => known === name);
  if (row === undefined) throw new Error(`expected one of ${ROWS.join(', ')}, got ${name}`);
  const { handlers, settle, close } = await mount(row);
  const server = createServer(framework === 'express' ? onExpress(handlers) : onHttp(handlers));
  // Its connections wait while the other rows are measured.
  server.keepAliveTimeout = 0;
  let before = process.cpuUsage();
  answerCalls(async ({ what }: AppQuestion) => {
    if (what === 'listen') {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return { port: (server.address() as AddressInfo).port };
    }
    if (what === 'begin') {
      before = process.cpuUsage();
      return {};
    }
    if (what === 'end') {
      const { user, system } = process.cpuUsage(before);
      // What is sent while requests come is in the figure. What waits now is sent before the next row's turn, and is in nobody's.
      await settle();
      return { cpuUs: user + system };
    }
    server.close();
    server.closeAllConnections();
    return { withoutStore: await close() };
  });
}

void main();
