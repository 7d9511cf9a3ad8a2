// A record as a line of a journal: `<crc32 of the rest, 8 hex> <from> <to> <increments as JSON>`. A line, because a text that is
// damaged anywhere is found again at the next line feed, which JSON never holds; and because a person can read it.
import { crc32 } from 'node:zlib';
import {
  type CommitIncrement,
  type KeyedIncrement,
  type StorageIncrement,
  type TenantIncrements,
  UsageIncrements,
} from '../../core/usage/increments.js';
import type { JournalRecord } from '../../ports/usageJournal.js';

const LINE_FEED = 0x0a;
const LINE = /^([0-9a-f]{8}) ((\d{1,16}) (\d{1,16}) (\[.*\]))$/s;

type EncodedCharge = [
  meter: string,
  reset: number,
  units: number,
  denied: number,
  unconfirmed: number,
  overage: number,
];
/** The meters only where there are some, and so with the last two of a tenant: see EncodedCommit. */
type EncodedDay = [
  ...[date: string, calls: number, charges: EncodedCharge[], users: string[]],
  ...[meters?: [meter: string, amount: number][]],
];
type EncodedPoint = [atSeconds: number, bytes: number, id: string];
/** The last two only where one of them is not 0: records of the version that did not know them are read as they are. */
type EncodedCommit = [
  ...[date: string, meter: string, reset: number, units: number, key: string],
  ...[calls?: number, overage?: number],
];
type EncodedLevel = [meter: string, ...point: EncodedPoint];
type EncodedKeyed = [
  ...[date: string, calls: number, meter: string, amount: number, key: string],
  ...[level?: EncodedPoint],
];
type EncodedTenant = [
  ...[id: string, days: EncodedDay[], points: EncodedPoint[], commits: EncodedCommit[]],
  ...[levels?: EncodedLevel[], keyed?: EncodedKeyed[]],
];

/** What a file holds. */
export interface JournalText {
  readonly records: readonly JournalRecord[];
  /** Lines that are no records, as they stand there. */
  readonly corrupt: readonly Buffer[];
  /** Bytes after the last line feed: a record that was being written. */
  readonly torn: Buffer;
}

export function encodeRecord({ from, to, increments }: JournalRecord): Buffer {
  const rest = `${from} ${to} ${JSON.stringify(encodedTenants(increments))}`;
  // The checksum's place is left free, so that the text becomes bytes once.
  const bytes = Buffer.from(`00000000 ${rest}\n`);
  bytes.write(checksumOf(bytes.subarray(9, -1)), 0, 'latin1');
  return bytes;
}

/** Reads whole lines. */
export function decodeRecords(bytes: Buffer): JournalText {
  const records: JournalRecord[] = [];
  const corrupt: Buffer[] = [];
  let at = 0;
  for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, at)) {
    const line = bytes.subarray(at, end);
    const record = decodeLine(line);
    if (record === undefined) corrupt.push(line);
    else records.push(record);
    at = end + 1;
  }
  return { records, corrupt, torn: bytes.subarray(at) };
}

function decodeLine(line: Buffer): JournalRecord | undefined {
  const [, sum, , from, to, json] = LINE.exec(line.toString('utf8')) ?? [];
  if (sum === undefined || json === undefined || sum !== checksumOf(line.subarray(9))) return undefined;
  const tenants: EncodedTenant[] = JSON.parse(json);
  return { from: Number(from), to: Number(to), increments: decodedTenants(tenants) };
}

const checksumOf = (bytes: Buffer): string => crc32(bytes).toString(16).padStart(8, '0');

function encodedTenants(increments: UsageIncrements): EncodedTenant[] {
  const encoded: EncodedTenant[] = [];
  for (const [tenantId, { days, storage, commits, levels, keyed }] of increments.tenants) {
    const encodedDays: EncodedDay[] = [];
    for (const [date, { apiCalls, charges, users, meters }] of days) {
      const day: EncodedDay = [
        date,
        apiCalls,
        charges.map((one) => [one.meter, one.resetNumber, one.units, one.denied, one.unconfirmed, one.overage]),
        users === undefined ? [] : [...users],
      ];
      if (meters !== undefined) day.push([...meters]);
      encodedDays.push(day);
    }
    encoded.push([
      tenantId,
      encodedDays,
      [...storage.values()].map(encodedPoint),
      [...commits.values()].map(encodedCommit),
      ...encodedRest(levels, keyed),
    ]);
  }
  return encoded;
}

const encodedPoint = ({ atSeconds, bytes, id }: StorageIncrement): EncodedPoint => [atSeconds, bytes, id];

function encodedRest(
  levels: TenantIncrements['levels'],
  keyed: TenantIncrements['keyed'],
): [] | [EncodedLevel[], EncodedKeyed[]] {
  if (levels === undefined && keyed === undefined) return [];
  return [
    [...(levels?.values() ?? [])].map((one) => [one.meter, ...encodedPoint(one)]),
    [...(keyed?.values() ?? [])].map(encodedKeyed),
  ];
}

function encodedKeyed({ usageDate, apiCalls, meter, amount, key, level }: KeyedIncrement): EncodedKeyed {
  if (level === undefined) return [usageDate, apiCalls, meter, amount, key];
  return [usageDate, apiCalls, meter, amount, key, encodedPoint(level)];
}

function encodedCommit(commit: CommitIncrement): EncodedCommit {
  const { usageDate, meter, resetNumber, units, key, apiCalls = 0, overage = 0 } = commit;
  if (apiCalls === 0 && overage === 0) return [usageDate, meter, resetNumber, units, key];
  return [usageDate, meter, resetNumber, units, key, apiCalls, overage];
}

const decodedPoint = ([atSeconds, bytes, id]: EncodedPoint): StorageIncrement => ({ atSeconds, bytes, id });

function decodedTenants(tenants: readonly EncodedTenant[]): UsageIncrements {
  const increments = new UsageIncrements();
  for (const [tenantId, days, points, commits, levels = [], keyed = []] of tenants) {
    for (const [date, calls, charges, users, meters = []] of days) {
      increments.addCalls(tenantId, date, calls);
      for (const [meter, resetNumber, units, denied, unconfirmed, overage] of charges) {
        increments.addCharge(tenantId, date, { meter, resetNumber, units, denied, unconfirmed, overage });
      }
      for (const userId of users) increments.addUser(tenantId, date, userId);
      for (const [meter, amount] of meters) increments.addMeter(tenantId, date, meter, amount);
    }
    for (const point of points) increments.addStorage(tenantId, decodedPoint(point));
    for (const [meter, ...point] of levels) increments.addLevel(tenantId, { meter, ...decodedPoint(point) });
    for (const [usageDate, apiCalls, meter, amount, key, point] of keyed) {
      const level = point === undefined ? undefined : decodedPoint(point);
      increments.addKeyed(tenantId, { usageDate, apiCalls, meter, amount, key, level });
    }
    for (const [usageDate, meter, resetNumber, units, key, apiCalls, overage] of commits) {
      increments.addCommit(tenantId, { usageDate, meter, resetNumber, units, key, apiCalls, overage });
    }
  }
  return increments;
}
