// A TCP proxy that can be told to let a command through and to cut the socket instead of passing on its reply.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  /** The next reply of the server is not passed on: both sockets are cut when it comes. */
  cutNextReply(): void;
  /** As `cutNextReply`, from the next time on that a client sends `text`. */
  cutReplyTo(text: string): void;
  /** Sockets cut so far. */
  readonly cuts: number;
  close(): Promise<void>;
}

export async function startCuttingProxy(targetPort: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let armed = false;
  let awaited: string | undefined;
  let cuts = 0;
  const server = createServer((client) => {
    const target = connect({ host: '127.0.0.1', port: targetPort });
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => undefined); // the other side's end is all that matters
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        target.destroy();
      });
    }
    client.on('data', (data) => {
      if (awaited !== undefined && data.includes(awaited)) {
        armed = true;
        awaited = undefined;
      }
      target.write(data);
    });
    target.on('data', (data) => {
      if (!armed) return client.write(data);
      armed = false;
      cuts += 1;
      return client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `redis://127.0.0.1:${port}`,
    cutNextReply: () => {
      armed = true;
    },
    cutReplyTo: (text) => {
      awaited = text;
    },
    get cuts() {
      return cuts;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
