// A log read once from its first byte to its last, line by line, for those who look at it and meter nothing.
import type { Readable } from 'node:stream';
import { type LineVisitor, ReplayCursor } from './replayPosition.js';
import { openLog } from './replaySource.js';

/** A log, and who looks at it. */
export interface LogLinesRequest {
  /** A path, or `-` for `stdin`. Gzip is unpacked, whatever the name says. */
  readonly file: string;
  readonly stdin: Readable;
  readonly visit: LineVisitor;
  /** Whether a last line without its line feed counts. */
  readonly isWhole: (bytes: Buffer) => boolean;
  /** Called with the bytes read of the file as it lies there, packed or not, and its size where it has one. */
  readonly onProgress: (bytesRead: number, size: number | undefined) => void;
}

/**
 * Visits every line of a log. Resolves with whether its last line is not whole, and so was not visited.
 * @throws TallygateError `replay_refused` where the log cannot be read; what came before has been visited
 */
export async function visitLogLines(request: LogLinesRequest): Promise<boolean> {
  const log = await openLog(request.file, request.stdin);
  const cursor = new ReplayCursor(undefined, request.visit);
  for await (const chunk of log.chunks) {
    cursor.feed(chunk);
    request.onProgress(log.bytesRead(), log.size);
  }
  return cursor.end(request.isWhole);
}
