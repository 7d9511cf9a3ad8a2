// Brings files to the disk itself, one sync after another, and closes those that are done with after their last one: a file that is
// closed under its sync would give its descriptor to another one, or to a socket, and that would be synced in its place.
import type { OpenFile } from './disk.js';

/** See the head of this file. */
export class FileSyncs {
  #unsynced = new Set<OpenFile>();
  /** Files that the sync under way takes or has taken. */
  #syncing: ReadonlySet<OpenFile> = new Set();
  /** Files that nobody writes any more, to be closed after the next sync. */
  #ending: OpenFile[] = [];
  #underWay: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** Something was written that is not on the disk itself yet. */
  wrote(file: OpenFile): void {
    this.#unsynced.add(file);
  }

  /** Nobody writes it any more: closes it, now or after it was synced. */
  end(file: OpenFile): void {
    if (this.#unsynced.has(file) || this.#syncing.has(file)) this.#ending.push(file);
    else file.close();
  }

  /** Closes it without a sync: what is in it is in no folder any more. Not while a sync is under way. */
  drop(file: OpenFile): void {
    this.#unsynced.delete(file);
    file.close();
  }

  /**
   * Syncs all that was written before. Whoever comes during a sync waits for the one after it, all for the same one. Rejects with the
   * disk's first refusal.
   * @param after called when all is synced and nothing is under way
   */
  sync(after: () => void): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#underWay === undefined) return this.#start(after);
    const start = () => this.#start(after);
    this.#next = this.#underWay.then(start, start);
    return this.#next;
  }

  #start(after: () => void): Promise<void> {
    this.#next = undefined;
    this.#underWay = this.#run(after).finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #run(after: () => void): Promise<void> {
    const files = this.#unsynced;
    const ending = this.#ending;
    this.#unsynced = new Set();
    this.#syncing = files;
    this.#ending = [];
    try {
      for (const file of files) await file.sync();
      after();
    } finally {
      this.#syncing = new Set();
      for (const file of ending) file.close();
    }
  }
}
