// One reading of a cluster's table by a client library: it ends with an answer, or when it is told to, and leaves nothing open.
import type { ClusterTopology } from './redisSession.js';

/** A cluster client that serves one reading. */
export interface TableReader {
  /** Told of what the client reports besides; the last of it says best why nothing could be read. */
  onError(listener: (error: Error) => void): void;
  connect(): Promise<ClusterTopology>;
  /** Closes what is open, at once. */
  end(): void;
}

/** Makes a reader, reads and ends it. Rejects with what hindered it, or with the signal's reason. */
export async function discovery(signal: AbortSignal, make: () => TableReader): Promise<ClusterTopology> {
  const reader = make();
  let reported: Error | undefined;
  reader.onError((error) => {
    reported = error;
  });
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  try {
    return await Promise.race([reader.connect(), aborted]);
  } catch (error) {
    throw reported ?? error;
  } finally {
    reader.end();
  }
}
