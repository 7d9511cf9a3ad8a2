// The process that sends the requests: a fixed number of connections, each with one request under way. It speaks HTTP over
// bare sockets, because on a small machine a client's own cost is taken from the server that is measured.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { answerCalls } from './calls.js';
import { type Order, TENANT_COUNT, tenantIds, tenantOrder } from './traffic.js';

/** What to send. */
export interface LoadQuestion {
  readonly port: number;
  readonly order: Order;
  readonly connections: number;
  /** No request begins after so many milliseconds; those under way are waited for. */
  readonly durationMs: number;
  /** And none after so many. @defaultValue no bound */
  readonly requests?: number;
}

/** What came back. */
export interface LoadAnswer {
  /** Answers with status 200. */
  readonly requests: number;
  /** Answers with any other status. */
  readonly others: number;
  /** From the first request to the last answer, in milliseconds. */
  readonly elapsedMs: number;
  /** Time to answer, in milliseconds: median and 99th percentile. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const HEAD_END = '\r\n\r\n';
const LENGTH = /\r\ncontent-length: (\d+)\r\n/i;

const requests = tenantIds(TENANT_COUNT).map((tenantId) =>
  Buffer.from(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nx-tenant: ${tenantId}\r\n\r\n`, 'latin1'),
);
const orders: Readonly<Record<Order, Uint16Array>> = {
  hot: tenantOrder('hot'),
  zipf: tenantOrder('zipf'),
  each: tenantOrder('each'),
};
/** Kept open from one call to the next: a server is measured at answering, not at accepting. */
const open = new Map<number, readonly Socket[]>();

async function socketsTo(port: number, count: number): Promise<readonly Socket[]> {
  const known = open.get(port);
  if (known !== undefined) return known;
  const sockets = Array.from({ length: count }, () => connect({ port, host: '127.0.0.1', noDelay: true }));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  open.set(port, sockets);
  return sockets;
}

async function send({
  port,
  order: kind,
  connections,
  durationMs,
  requests: most = Infinity,
}: LoadQuestion): Promise<LoadAnswer> {
  const sockets = await socketsTo(port, connections);
  const order = orders[kind];
  const times: number[] = [];
  let next = 0;
  let others = 0;
  const startedAt = performance.now();
  const nextRequest = (): Buffer | undefined =>
    next === most || performance.now() >= startedAt + durationMs
      ? undefined
      : requests[order[next++ % order.length] as number];
  await Promise.all(
    sockets.map((socket) =>
      ask(socket, nextRequest, (status, ms) => {
        times.push(ms);
        if (status !== '200') others += 1;
      }),
    ),
  );
  const elapsedMs = performance.now() - startedAt;
  const sorted = Float64Array.from(times).sort();
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { requests: times.length - others, others, elapsedMs, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Sends one request after the other on a connection until there is none. Resolves once the last one is answered. */
function ask(
  socket: Socket,
  nextRequest: () => Buffer | undefined,
  onAnswer: (status: string, ms: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    let sentAt = 0;
    const write = () => {
      const request = nextRequest();
      if (request === undefined) return done();
      sentAt = performance.now();
      socket.write(request);
    };
    const done = (error?: Error) => {
      socket.off('data', onData).off('error', done).off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onClose = () => done(new Error('the server closed a connection'));
    const onData = (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (!isWhole(text)) return;
      onAnswer(text.slice(9, 12), performance.now() - sentAt);
      text = '';
      write();
    };
    socket.on('data', onData).on('error', done).on('close', onClose);
    write();
  });
}

/** Whether an answer has come completely. There is only one under way, so nothing follows it. */
function isWhole(text: string): boolean {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd < 0) return false;
  const length = LENGTH.exec(text)?.[1];
  if (length === undefined) throw new Error(`an answer without content-length: ${text.slice(0, 200)}`);
  return text.length >= headEnd + HEAD_END.length + Number(length);
}

answerCalls(send);
