// A TCP proxy between a client and its server that a fault test can make misbehave: cut, stall, lose replies.
import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** `url` with its host and port replaced by the proxy's. */
  through(url: string): string;
  /** How many connections are open. */
  connections(): number;
  /** Cuts every open connection with a reset; new ones are accepted. */
  cut(): void;
  /** `true`: connections are refused from now on and open ones cut, as by a server that went down. */
  refuse(refused: boolean): void;
  /** `true`: nothing is passed on in either direction, connections stay open. `false`: what was held back follows. */
  pause(paused: boolean): void;
  /** The server's answers are thrown away, requests still reach it: the caller cannot know whether it happened. */
  dropReplies(dropped: boolean): void;
  /** The next answer of the server is thrown away and its connection cut: executed once, acknowledged never. */
  cutAtNextReply(): void;
  stop(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** Listens on a free port of the loopback address and passes on to `targetPort` there. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  const state = { refused: false, paused: false, dropping: false, cutAtReply: false };

  const end = (pair: Pair): void => {
    pairs.delete(pair);
    pair.client.resetAndDestroy();
    pair.server.destroy();
  };
  const onReply = (pair: Pair, data: Buffer): void => {
    if (state.cutAtReply) {
      state.cutAtReply = false;
      end(pair);
    } else if (!state.dropping) pair.client.write(data);
  };
  const accept = (client: Socket): void => {
    if (state.refused) {
      client.resetAndDestroy();
      return;
    }
    const pair = { client, server: connect({ host: '127.0.0.1', port: targetPort, noDelay: true }) };
    pairs.add(pair);
    client.setNoDelay(true);
    client.on('data', (data) => pair.server.write(data));
    pair.server.on('data', (data) => onReply(pair, data));
    for (const socket of [client, pair.server]) {
      socket.on('error', () => end(pair));
      socket.on('close', () => end(pair));
      if (state.paused) socket.pause();
    }
  };
  const proxy = createServer(accept);
  await new Promise<void>((resolve, reject) => {
    proxy.once('error', reject);
    proxy.listen(0, '127.0.0.1', resolve);
  });
  const address = proxy.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const cut = () => {
    for (const pair of pairs) end(pair);
  };

  return {
    port,
    through: (url) => {
      const changed = new URL(url);
      changed.hostname = '127.0.0.1';
      changed.port = String(port);
      return changed.href;
    },
    connections: () => pairs.size,
    cut,
    refuse: (refused) => {
      state.refused = refused;
      if (refused) cut();
    },
    pause: (paused) => {
      state.paused = paused;
      for (const { client, server } of pairs) {
        for (const socket of [client, server]) paused ? socket.pause() : socket.resume();
      }
    },
    dropReplies: (dropped) => {
      state.dropping = dropped;
    },
    cutAtNextReply: () => {
      state.cutAtReply = true;
    },
    stop: async () => {
      const closed = new Promise<void>((resolve) => proxy.close(() => resolve()));
      cut();
      await closed;
    },
  };
}
