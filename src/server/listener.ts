// The listening socket: opens or says why not, bounds slow clients, and closes in a way that lets requests finish.
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { configurationFault } from '../config.js';

/** A server that listens. */
export interface Listener {
  readonly port: number;
  /** From now on requests go here. To be called in the turn in which `listen` resolved. */
  serve(handler: RequestListener): void;
  /** Stops listening and lets requests finish; what is left after `deadlineMs` is cut off. */
  close(deadlineMs: number): Promise<void>;
}

/** A client must send its headers, and then its request, in so much time. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** A connection on which nothing moves is closed; longer than any request waits for readiness. */
const IDLE_TIMEOUT_MS = 60_000;

/**
 * Listens on `host` and `port` (0: any free one).
 * @throws TallygateError `invalid_configuration`, in one line, where the address cannot be had
 */
export async function listen({ host, port }: { host: string; port: number }): Promise<Listener> {
  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: 5_000,
  });
  server.timeout = IDLE_TIMEOUT_MS;
  await opened(server, { host, port });
  const inFlight = trackRequests(server);
  return {
    port: (server.address() as AddressInfo).port,
    serve: (handler) => void server.on('request', handler),
    close: (deadlineMs) => closed(server, inFlight, deadlineMs),
  };
}

function opened(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(refused(error, { host, port })));
    server.listen({ host, port, exclusive: true }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function refused(error: NodeJS.ErrnoException, { host, port }: { host: string; port: number }): Error {
  if (error.code === 'EADDRINUSE')
    return configurationFault([
      { location: 'PORT', message: `port ${port} on ${host} is in use; choose another with PORT=` },
    ]);
  if (error.code === 'EACCES')
    return configurationFault([
      { location: 'PORT', message: `port ${port} may not be used by this user; choose another with PORT=` },
    ]);
  return configurationFault([
    {
      location: 'HOST',
      message: `expected an address of this machine, got "${host}" (${error.code ?? error.message})`,
    },
  ]);
}

interface InFlight {
  readonly responses: Set<ServerResponse>;
  stopping: boolean;
}

function trackRequests(server: Server): InFlight {
  const inFlight: InFlight = { responses: new Set(), stopping: false };
  server.on('request', (_req, res) => {
    inFlight.responses.add(res);
    res.once('close', () => inFlight.responses.delete(res));
    if (inFlight.stopping) endConnectionAfter(res);
  });
  return inFlight;
}

/** A kept-alive connection would otherwise stay, idle, until its timeout, and with it the server. */
function endConnectionAfter(res: ServerResponse): void {
  res.shouldKeepAlive = false;
  res.once('finish', () => res.socket?.end());
}

async function closed(server: Server, inFlight: InFlight, deadlineMs: number): Promise<void> {
  inFlight.stopping = true;
  for (const res of inFlight.responses) endConnectionAfter(res);
  const cut = setTimeout(() => server.closeAllConnections(), deadlineMs);
  // Also closes the connections that are idle now.
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearTimeout(cut);
}
