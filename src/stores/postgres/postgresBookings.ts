// What is booked in the ledger at once, on PostgreSQL: beside postgresLedger, on the same tables.
import type { UsageBookings } from '../../ports/usageBookings.js';
import { addStorage } from './addStorage.js';
import { adjust, readAdjustments } from './adjust.js';
import { bookEvents } from './bookEvents.js';
import { closePeriod, readClosedPeriod } from './closedPeriods.js';
import { type DatabaseOptions, databaseOf } from './database.js';
import type { PostgresPool } from './postgresPool.js';

/**
 * The bookings in the tables of `options.schema`. Makes no connection of its own and ends none.
 * @throws TallygateError `invalid_configuration` where the schema's name cannot be one.
 */
export function postgresBookings(pool: PostgresPool, options: DatabaseOptions): UsageBookings {
  const database = databaseOf(pool, options);
  return {
    adjust: (adjustment) => adjust(database, adjustment),
    readAdjustments: (query) => readAdjustments(database, query),
    addStorage: (change) => addStorage(database, change),
    bookEvents: (events) => bookEvents(database, events),
    closePeriod: (period) => closePeriod(database, period),
    readClosedPeriod: (tenantId, month) => readClosedPeriod(database, tenantId, month),
  };
}
