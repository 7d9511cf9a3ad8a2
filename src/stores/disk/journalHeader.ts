// What a journal says of itself: whose it is, and which ledger's.
import { join } from 'node:path';
import type { Disk } from './disk.js';
import { HEADER } from './journalFiles.js';

/**
 * The form of the files. Another number is another form: left alone by who does not know it. 2: commits may carry calls and overage,
 * and there are own meters and keyed usage: a version that only knows 1 would pass over them.
 */
export const FORMAT = 2;
/** Forms that can be read. */
export const KNOWN_FORMATS: readonly number[] = [1, FORMAT];

/** See the head of this file. */
export interface JournalHeader {
  readonly format: number;
  readonly producerId: string;
  readonly ledgerId: string;
  /** Where its owner runs: only there its socket says anything. */
  readonly host: string;
  /** Records up to this one belong to an id that the journal had before. */
  readonly after: number;
}

/** Written beside and renamed: a header is there whole, or not at all. */
export function writeHeaderNow(disk: Disk, folder: string, header: JournalHeader): void {
  const beside = join(folder, `${HEADER}.new`);
  disk.writeNow(beside, `${JSON.stringify(header)}\n`);
  disk.renameNow(beside, join(folder, HEADER));
}

export async function readHeader(disk: Disk, folder: string): Promise<JournalHeader> {
  return parseHeader((await disk.read(join(folder, HEADER))).toString('utf8'));
}

/** What cannot be read as a header is one of an unknown form. */
function parseHeader(text: string): JournalHeader {
  try {
    const { format, producerId, ledgerId, host, after }: Partial<Record<keyof JournalHeader, unknown>> =
      JSON.parse(text);
    if (
      typeof format === 'number' &&
      typeof producerId === 'string' &&
      typeof ledgerId === 'string' &&
      typeof host === 'string' &&
      typeof after === 'number'
    ) {
      return { format, producerId, ledgerId, host, after };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { format: 0, producerId: '', ledgerId: '', host: '', after: 0 };
}
