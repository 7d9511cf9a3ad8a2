// What the journal asks of a file system: the few calls, each with what it promises. A seam for the explorer of interleavings, which
// puts a disk in memory below the shipped journal; everybody else uses `nodeDisk`. Calls fail with the system's errors (`code`).
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A file that is being written. */
export interface OpenFile {
  /** Writes at the end by one call. Returns the bytes that were taken: fewer where the disk is full. */
  append(bytes: Buffer): number;
  /** Cuts it to `length`: what was written of an unfinished record goes. */
  cut(length: number): void;
  /** Resolves when its content is on the disk itself. */
  sync(): Promise<void>;
  /** Whether it can still be found under its name, or any. */
  isLinked(): boolean;
  close(): void;
}

/** See the head of this file. The names that end in `Now` act at once and hold up the event loop. */
export interface Disk {
  createNow(path: string): OpenFile;
  makeFolderNow(path: string): void;
  writeNow(path: string, content: string): void;
  readNow(path: string): string;
  renameNow(from: string, to: string): void;
  list(folder: string): Promise<string[]>;
  read(path: string): Promise<Buffer>;
  /** Makes an empty file; leaves one that is there. */
  touch(path: string): Promise<void>;
  /** Writes a whole file and resolves when its content is on the disk itself. */
  write(path: string, chunks: Iterable<Buffer>): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; nothing where it is not there. */
  remove(path: string): Promise<void>;
  removeFolder(path: string): Promise<void>;
  /** Resolves when what is under the path, a folder's names or a file's content, is on the disk itself. */
  syncPath(path: string): Promise<void>;
  /** Its size, and when it was last written, in milliseconds since 1970. */
  stat(path: string): Promise<{ readonly bytes: number; readonly modifiedAtMs: number }>;
}

const FOR_OWNER = { mode: 0o600 };
const datasync = promisify(fdatasync);

/** The codes with which a disk refuses what was asked, as opposed to errors of ours. */
const REFUSALS: ReadonlySet<string> = new Set([
  'EACCES', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'ENOENT', 'ENOSPC', 'ENOTDIR', 'ENOTEMPTY', 'EPERM', 'EROFS', 'EEXIST', 'EFBIG', 'EISDIR', 'ESTALE', 'EBADF',
  // What network and special file systems say of a file that they cannot sync, or have lost.
  'EINVAL', 'ENOTSUP', 'ETIMEDOUT', 'ENODEV', 'ENXIO',
]); // biome-ignore format: one list

/** Whether the disk refused, or what was asked for is not there. */
export const isRefusal = (error: unknown): boolean => REFUSALS.has(codeOf(error) ?? '');

/** Whether there is no such file or folder. */
export const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT';

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

class NodeFile implements OpenFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  append(bytes: Buffer): number {
    return writeSync(this.#fd, bytes);
  }

  cut(length: number): void {
    ftruncateSync(this.#fd, length);
  }

  sync(): Promise<void> {
    return datasync(this.#fd);
  }

  isLinked(): boolean {
    return fstatSync(this.#fd).nlink > 0;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** The machine's file system. */
export const nodeDisk: Disk = {
  // Appending, so that a cut file goes on at its end, wherever the position stands.
  createNow: (path) => new NodeFile(openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600)),
  makeFolderNow: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  writeNow: (path, content) => writeFileSync(path, content, FOR_OWNER),
  readNow: (path) => readFileSync(path, 'utf8'),
  renameNow: renameSync,
  list: (folder) => readdir(folder),
  read: (path) => readFile(path),
  touch: async (path) => (await open(path, 'a', 0o600)).close(),
  write: async (path, chunks) => {
    const file = await open(path, 'w', 0o600);
    try {
      for (const chunk of chunks) await file.writeFile(chunk);
      await file.datasync();
    } finally {
      await file.close();
    }
  },
  rename,
  remove: (path) => unlink(path).catch(unlessMissing),
  removeFolder: (path) => rm(path, { recursive: true, force: true }),
  syncPath: async (path) => {
    const opened = await open(path, 'r');
    try {
      await opened.datasync();
    } finally {
      await opened.close();
    }
  },
  stat: async (path) => {
    const { size, mtimeMs } = await stat(path);
    return { bytes: size, modifiedAtMs: mtimeMs };
  },
};

function unlessMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
