// A file system in memory under the shipped journal. It outlives the processes that use it; what a process has asked for and was not
// answered dies with it. Each call that may take time is a step that the explorer takes when it likes.
import { dirname } from 'node:path';
import type { Disk, OpenFile } from '../../src/stores/disk/disk.js';

type Folder = Map<string, { bytes: Buffer }>;

/** Bytes that a name takes in its folder. */
const NAME_BYTES = 16;

/** What outlives processes. */
export class MemoryFiles {
  readonly folders = new Map<string, Folder>();
  /** Bytes that the disk still takes, of all processes together; what is removed gives nothing back. */
  room = Number.POSITIVE_INFINITY;
  /** Whether everything was written long ago. */
  isOld = false;

  /** Takes as much of `bytes` as there is room for, as a disk that fills up does. */
  taken(bytes: Buffer): Buffer {
    if (bytes.length <= this.room) {
      this.room -= bytes.length;
      return bytes;
    }
    const part = bytes.subarray(0, this.room);
    this.room = 0;
    return part;
  }

  /** Makes a file where there is none. */
  create(path: string): { bytes: Buffer } {
    const file = this.folder(dirname(path)).get(nameOf(path));
    if (file !== undefined) return file;
    if (this.room < NAME_BYTES) throw fault('ENOSPC');
    this.room -= NAME_BYTES;
    return this.put(path, EMPTY);
  }

  /** Writes a whole file; of one that there is no room for the beginning. */
  write(path: string, content: Buffer): void {
    const file = this.create(path);
    file.bytes = this.taken(content);
    if (file.bytes.length < content.length) throw fault('ENOSPC');
  }

  folder(path: string): Folder {
    const folder = this.folders.get(path);
    if (folder === undefined) throw fault('ENOENT');
    return folder;
  }

  file(path: string): { bytes: Buffer } {
    const file = this.folder(dirname(path)).get(nameOf(path));
    if (file === undefined) throw fault('ENOENT');
    return file;
  }

  put(path: string, bytes: Buffer): { bytes: Buffer } {
    const file = { bytes };
    this.folder(dirname(path)).set(nameOf(path), file);
    return file;
  }

  make(path: string): void {
    if (path.length < 2 || this.folders.has(path)) return;
    this.make(dirname(path));
    this.folders.set(path, new Map());
  }

  list(path: string): string[] {
    const below = [...this.folders.keys()].filter((folder) => dirname(folder) === path && folder !== path);
    return [...this.folder(path).keys(), ...below.map(nameOf)];
  }

  move(from: string, to: string): void {
    const { bytes } = this.file(from);
    this.put(to, bytes);
    this.folder(dirname(from)).delete(nameOf(from));
  }
}

/** One process's hold on the files. */
export interface DiskAccess {
  readonly files: MemoryFiles;
  isDead(): boolean;
  /** Does `work` when the explorer lets it, and answers then. Never, once the process is dead. */
  step<T>(work: () => T): Promise<T>;
  /** Names of a listing that this process does not see: a seam of mutants. */
  readonly isHidden?: (name: string) => boolean;
  /** Whether a torn tail stays where it is: a seam of mutants. */
  readonly keepsTails?: boolean;
  /** Takes the place of making an empty file: a seam of mutants. */
  readonly touch?: (path: string) => Promise<void>;
}

/** The disk as one process sees it. */
export function memoryDisk({ files, isDead, step, isHidden, keepsTails, touch }: DiskAccess): Disk {
  const now = <T>(work: () => T): T => {
    if (isDead()) throw fault('EIO');
    return work();
  };
  return {
    createNow: (path) => now(() => openFile(files, files.create(path), keepsTails === true)),
    makeFolderNow: (path) => now(() => files.make(path)),
    writeNow: (path, content) => now(() => files.write(path, Buffer.from(content))),
    readNow: (path) => now(() => files.file(path).bytes.toString('utf8')),
    renameNow: (from, to) => now(() => files.move(from, to)),
    list: (folder) => step(() => files.list(folder).filter((name) => isHidden?.(name) !== true)),
    read: (path) => step(() => files.file(path).bytes),
    touch: (path) => touch?.(path) ?? step(() => void files.create(path)),
    write: (path, chunks) => step(() => files.write(path, Buffer.concat([...chunks]))),
    rename: (from, to) => step(() => files.move(from, to)),
    remove: (path) => step(() => void files.folder(dirname(path)).delete(nameOf(path))),
    removeFolder: (path) => step(() => void files.folders.delete(path)),
    syncPath: () => Promise.resolve(),
    stat: async (path) => ({ bytes: files.file(path).bytes.length, modifiedAtMs: files.isOld ? 0 : Date.now() }),
  };
}

export function makeEmpty(files: MemoryFiles, path: string): void {
  if (!files.folder(dirname(path)).has(nameOf(path))) files.put(path, EMPTY);
}

const EMPTY = Buffer.alloc(0);
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const fault = (code: string): Error => Object.assign(new Error(code), { code });

function openFile(files: MemoryFiles, file: { bytes: Buffer }, keepsTails: boolean): OpenFile {
  return {
    append: (bytes) => {
      const taken = files.taken(bytes);
      // A full disk takes a part, or says that it takes nothing.
      if (taken.length === 0) throw fault('ENOSPC');
      file.bytes = Buffer.concat([file.bytes, taken]);
      return taken.length;
    },
    cut: (length) => {
      if (!keepsTails) file.bytes = file.bytes.subarray(0, length);
    },
    sync: () => Promise.resolve(),
    isLinked: () => true,
    close: () => {},
  };
}
