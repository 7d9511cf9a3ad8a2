// A TCP port of the loopback address that was free a moment ago.
import { createServer } from 'node:net';

/** The kernel picks the port; below 55,536, because the bus of a Redis Cluster node takes port + 10,000. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = await portOfKernel();
    if (port < 55_536) return port;
  }
  throw new Error('no free port below 55536 in 50 attempts');
}

/** A free port whose bus port (10,000 above) is free too. */
export async function freeClusterPort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = await freePort();
    if (await isFree(port + 10_000)) return port;
  }
  throw new Error('no free port with a free bus port in 50 attempts');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function portOfKernel(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(address)));
    });
  });
}
