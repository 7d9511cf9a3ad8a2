// A file system in memory under the shipped journal. It outlives the processes that use it; what a process has asked for and was not
// answered dies with it. Each call that may take time is a step that the explorer takes when it likes.
import { dirname } from 'node:path';
import type { Disk, OpenFile } from '../../src/stores/disk/disk.js';

type Folder = Map<string, { bytes: Buffer }>;

/** What outlives processes. */
export class MemoryFiles {
  readonly folders = new Map<string, Folder>();

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
  /** Takes the place of making an empty file: a seam of mutants. */
  readonly touch?: (path: string) => Promise<void>;
}

/** The disk as one process sees it. */
export function memoryDisk({ files, isDead, step, isHidden, touch }: DiskAccess): Disk {
  const now = <T>(work: () => T): T => {
    if (isDead()) throw fault('EIO');
    return work();
  };
  return {
    createNow: (path) => now(() => openFile(files.folder(dirname(path)).get(nameOf(path)) ?? files.put(path, EMPTY))),
    makeFolderNow: (path) => now(() => files.make(path)),
    writeNow: (path, content) => now(() => void files.put(path, Buffer.from(content))),
    readNow: (path) => now(() => files.file(path).bytes.toString('utf8')),
    renameNow: (from, to) => now(() => files.move(from, to)),
    list: (folder) => step(() => files.list(folder).filter((name) => isHidden?.(name) !== true)),
    read: (path) => step(() => files.file(path).bytes),
    touch: (path) => touch?.(path) ?? step(() => makeEmpty(files, path)),
    write: (path, chunks) => step(() => void files.put(path, Buffer.concat([...chunks]))),
    rename: (from, to) => step(() => files.move(from, to)),
    remove: (path) => step(() => void files.folder(dirname(path)).delete(nameOf(path))),
    removeFolder: (path) => step(() => void files.folders.delete(path)),
    syncFolder: () => Promise.resolve(),
    stat: async (path) => ({ bytes: files.file(path).bytes.length, modifiedAtMs: Date.now() }),
  };
}

export function makeEmpty(files: MemoryFiles, path: string): void {
  if (!files.folder(dirname(path)).has(nameOf(path))) files.put(path, EMPTY);
}

const EMPTY = Buffer.alloc(0);
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const fault = (code: string): Error => Object.assign(new Error(code), { code });

function openFile(file: { bytes: Buffer }): OpenFile {
  return {
    append: (bytes) => {
      file.bytes = Buffer.concat([file.bytes, bytes]);
      return bytes.length;
    },
    cut: (length) => {
      file.bytes = file.bytes.subarray(0, length);
    },
    sync: () => Promise.resolve(),
    isLinked: () => true,
    close: () => {},
  };
}
