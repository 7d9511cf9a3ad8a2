// Shows that the owner of a journal lives, to processes of the same machine: a unix socket that somebody listens at. A process that
// is gone refuses, whatever has its pid now. Only a hint: what depends on it is safe also where it is wrong.
import { createHash } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Longest path of a unix socket, in bytes, on Linux; macOS has 103. */
const MAX_PATH_BYTES = 103;
const ANSWER_WITHIN_MS = 1_000;

/** In the journal's folder, or by a hash of it where that path is too long to be a socket's. */
function socketPath(folder: string): string {
  const inside = join(folder, 'alive');
  if (Buffer.byteLength(inside) <= MAX_PATH_BYTES) return inside;
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 32);
  return join(tmpdir(), `tallygate-${hash}`);
}

/** Listens until the returned function is called. Where that is not possible, nobody sees it: then the ledger's word counts. */
export function showAlive(folder: string): () => void {
  const path = socketPath(folder);
  const server = createServer((socket) => socket.destroy());
  server.on('error', () => {});
  server.listen(path);
  server.unref();
  return () => {
    server.close();
    try {
      unlinkSync(path);
    } catch {
      // Closing removes it; what is left is refused like that of a dead owner.
    }
  };
}

/** Whether somebody listens there; undefined where that cannot be told. */
export function looksAlive(folder: string): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath(folder));
    const answer = (alive: boolean | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(alive);
    };
    const timer = setTimeout(() => answer(undefined), ANSWER_WITHIN_MS);
    socket.on('connect', () => answer(true));
    socket.on('error', (error) => {
      const code = 'code' in error ? error.code : undefined;
      answer(code === 'ECONNREFUSED' || code === 'ENOENT' ? false : undefined);
    });
  });
}
