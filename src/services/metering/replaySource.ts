// The bytes of a log, from a file or standard input, unpacked where they are gzip: in bounded chunks, and all of them before
// an error that comes after them.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { TallygateError } from '../../core/errors.js';

/** A log to read once, from its first byte. */
export interface LogBytes {
  /** Uncompressed, in chunks of at most MAX_CHUNK_BYTES. Throws `replay_refused` where the rest cannot be read. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Bytes of the file, as it is packed; undefined for standard input. */
  readonly size: number | undefined;
  /** Bytes of it read so far, as it is packed. */
  readonly bytesRead: () => number;
}

/** A chunk is taken whole before a batch is applied, so it bounds how much a batch grows beyond its measure. */
const MAX_CHUNK_BYTES = 262_144;
// Deflate packs at most 1 : 1032, so a slice of this size unpacks to 17 MB at most.
const PACKED_SLICE_BYTES = 16_384;

/**
 * Opens the log at `file`; `-` reads `stdin`.
 * @throws TallygateError `replay_refused` where the file cannot be read.
 */
export async function openLog(file: string, stdin: Readable): Promise<LogBytes> {
  const size = file === '-' ? undefined : await sizeOf(file);
  const stream = file === '-' ? stdin : createReadStream(file, { highWaterMark: MAX_CHUNK_BYTES });
  let bytesRead = 0;
  async function* packed(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of stream) {
        const bytes = Buffer.from(chunk);
        bytesRead += bytes.length;
        yield bytes;
      }
    } catch (error) {
      throw unreadable(file, error);
    }
  }
  return { chunks: sliced(unpacked(packed()), MAX_CHUNK_BYTES), size, bytesRead: () => bytesRead };
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    const stats = await stat(file);
    if (stats.isDirectory()) throw new TallygateError('replay_refused', `${file}: expected a log, got a folder.`);
    // A pipe or a device has no size to make a share of.
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    if (error instanceof TallygateError) throw error;
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): TallygateError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TallygateError('replay_refused', `${file === '-' ? 'Standard input' : file} cannot be read: ${reason}`, {
    cause,
  });
}

async function* sliced(chunks: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += most) yield chunk.subarray(at, at + most);
  }
}

/** Gzip is known by its first two bytes, which no line of a log begins with: its name does not matter, and stdin has none. */
async function* unpacked(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let head = Buffer.alloc(0);
  for await (const chunk of chunks) {
    head = Buffer.concat([head, chunk]);
    if (head.length >= 2) {
      yield* head[0] === 0x1f && head[1] === 0x8b ? gunzipped(preceded(head, chunks)) : preceded(head, chunks);
      return;
    }
  }
  yield head;
}

async function* preceded(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}

/**
 * Unpacks slice by slice and hands out each slice's bytes before the next goes in: piped through a stream, what was unpacked
 * just before an error would be thrown away with it. Members that follow each other are one log.
 */
async function* gunzipped(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  let ready: Buffer[] = [];
  gunzip.on('data', (bytes: Buffer) => ready.push(bytes));
  const ended = new Promise<void>((resolve, reject) => gunzip.once('end', resolve).once('error', reject));
  // It is awaited below at each step; this only keeps a rejection between two steps from ending the process.
  ended.catch(() => undefined);
  const taken = (): Buffer[] => {
    const bytes = ready;
    ready = [];
    return bytes;
  };
  let failure: unknown;
  try {
    for await (const slice of sliced(packed, PACKED_SLICE_BYTES)) {
      const written = new Promise<void>((resolve) => gunzip.write(slice, () => resolve()));
      await Promise.race([written, ended]);
      yield* taken();
    }
    gunzip.end();
    await ended;
  } catch (error) {
    failure = error;
  }
  yield* taken();
  if (failure instanceof TallygateError) throw failure;
  if (failure !== undefined) throw damaged(failure);
}

const damaged = (cause: unknown): TallygateError =>
  new TallygateError(
    'replay_refused',
    `The gzip file is damaged or cut off (${cause instanceof Error ? cause.message : String(cause)}).`,
    { cause },
  );
