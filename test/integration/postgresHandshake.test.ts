// A server that dies says so to whoever is connected, also to a connection that was opened this very instant.
import { createServer, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createPostgresPool } from '../../src/stores/postgres/postgresPool.js';
import { inSession } from '../../src/stores/postgres/session.js';

/** A message of PostgreSQL's protocol 3: its kind, its length, its body. */
function message(kind: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(kind, 0, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const AUTHENTICATED = message('R', Buffer.alloc(4));
const READY = message('Z', Buffer.from('I'));
const DYING = message(
  'E',
  Buffer.from('SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0'),
);

let close: () => Promise<unknown> = async () => undefined;
afterEach(() => close());

it('a server that dies in the last bytes of the handshake is an error of the ledger, and ends no process', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    // In one write: the client reads all three before anything that waits for the connection can run.
    socket.once('data', () => socket.end(Buffer.concat([AUTHENTICATED, READY, DYING])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const pool = createPostgresPool({ url: `postgres://nobody@127.0.0.1:${port}/none`, max: 1 });
  close = async () => {
    await pool.end();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  // An uncaught exception would fail the run, whatever this expects.
  await expect(inSession(pool, 2_000, (session) => session.query('SELECT 1'))).rejects.toMatchObject({
    code: 'ledger_unavailable',
  });
});
