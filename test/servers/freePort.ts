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
