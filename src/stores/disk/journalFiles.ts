// The names in a journal's folder, and which of its files are read: one that was merged replaces all that begin within it.

/** A file of records. */
export interface RecordFile {
  readonly name: string;
  /** Its records come after this one. */
  readonly from: number;
  /** Of a merged file: its last record. undefined where only the content says it. */
  readonly to: number | undefined;
}

/** The records that a merge covers, and its file. */
export interface MergeRange {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

const DIGITS = 16;
const SEGMENT = /^(\d{16})\.seg$/;
const MERGED = /^(\d{16})-(\d{16})\.merged$/;
const MERGING = /^(\d{16})-(\d{16})\.merging$/;
const TRIED = /^(\d{16})\.tried$/;

const padded = (record: number): string => String(record).padStart(DIGITS, '0');

export const HEADER = 'header.json';
export const segmentName = (from: number): string => `${padded(from)}.seg`;
export const mergedName = (from: number, to: number): string => `${padded(from)}-${padded(to)}.merged`;
export const mergingName = (from: number, to: number): string => `${padded(from)}-${padded(to)}.merging`;
export const triedName = (record: number): string => `${padded(record)}.tried`;

/** The files to read, in order, of the names in a folder. */
export function recordFiles(names: readonly string[]): RecordFile[] {
  const merged = rangesOf(names, MERGED);
  const files: RecordFile[] = names.flatMap((name) => {
    const [, from] = SEGMENT.exec(name) ?? [];
    return from === undefined ? [] : [{ name, from: Number(from), to: undefined }];
  });
  for (const { from, to } of merged) files.push({ name: mergedName(from, to), from, to });
  const isReplaced = (file: RecordFile) =>
    merged.some(({ from, to }) => {
      if (file.to === undefined) return from <= file.from && file.from < to;
      return from <= file.from && file.to <= to && (from < file.from || file.to < to);
    });
  return files.filter((file) => !isReplaced(file)).sort((a, b) => a.from - b.from);
}

/** Names that a merge of the records `from + 1 .. to` makes superfluous. */
export function replacedBy(names: readonly string[], from: number, to: number): string[] {
  const kept = new Set(recordFiles([...names, mergedName(from, to)]).map((file) => file.name));
  return names.filter((name) => (SEGMENT.test(name) || MERGED.test(name)) && !kept.has(name));
}

/** Whether somebody may have attempted to end strictly between. */
export const isTriedWithin = (names: readonly string[], from: number, to: number): boolean =>
  triedRecords(names).some((record) => from < record && record < to);

/** The records at which attempts may have ended. */
export const triedRecords = (names: readonly string[]): number[] =>
  names.flatMap((name) => {
    const [, record] = TRIED.exec(name) ?? [];
    return record === undefined ? [] : [Number(record)];
  });

/** Merges that cover `record` and do not end there. */
export const mergesAround = (merges: readonly MergeRange[], record: number): MergeRange[] =>
  merges.filter(({ from, to }) => from < record && record < to);

/** Merges that were announced. */
export const announcedMerges = (names: readonly string[]): MergeRange[] => rangesOf(names, MERGING);

/** Merges that were made. */
export const madeMerges = (names: readonly string[]): MergeRange[] => rangesOf(names, MERGED);

function rangesOf(names: readonly string[], pattern: RegExp): MergeRange[] {
  return names.flatMap((name) => {
    const [, from, to] = pattern.exec(name) ?? [];
    return from === undefined || to === undefined ? [] : [{ name, from: Number(from), to: Number(to) }];
  });
}
