// The levels of storage: their tables, in which a level may also be changed.
import type { StoragePointRow } from '../../ports/usageLedger.js';
import type { Database } from './database.js';
import { applyLevels, type LevelTables, type LockedLevels } from './levelDays.js';
import {
  addStorageChanges,
  addStoragePoints,
  dropOldStoragePoints,
  readStorageLevels,
  readStoragePoints,
} from './postgres.generated.js';
import type { Session } from './session.js';
import type { TenantStorageDay } from './storageDays.js';

export const STORAGE_TABLES: LevelTables = {
  keysOf: (series) => [series.map(({ tenantId }) => tenantId)],
  meterOf: () => '',
  async add(database, session, points) {
    const [adds, sets] = [points.filter(isAdd), points.filter((point) => !isAdd(point))];
    if (sets.length > 0) await session.query(database.sql(addStoragePoints), pointColumns(sets));
    if (adds.length > 0) await session.query(database.sql(addStorageChanges), changeColumns(adds));
  },
  readLevels: readStorageLevels,
  readPoints: readStoragePoints,
  dropOld: dropOldStoragePoints,
};

/** Returns the days to write, once their rows are made and locked. */
export function applyStorage(
  database: Database,
  session: Session,
  locked: LockedLevels,
  points: readonly StoragePointRow[],
): Promise<TenantStorageDay[]> {
  const series = points.map((point) => ({ ...point, meter: '' }));
  return applyLevels(database, session, STORAGE_TABLES, locked, series);
}

const isAdd = ({ kind }: Pick<StoragePointRow, 'kind'>): boolean => kind === 'add';

const pointColumns = (points: readonly StoragePointRow[]): unknown[] => [
  points.map((point) => point.tenantId),
  points.map((point) => point.atSeconds),
  points.map((point) => point.id),
  points.map((point) => point.bytes),
];

const changeColumns = (points: readonly StoragePointRow[]): unknown[] => [
  points.map((point) => point.tenantId),
  points.map((point) => point.atSeconds),
  points.map((point) => point.bytes),
];
