// What is booked in the ledger at once, under an id of its own, because it must be able to answer that it was booked before.
import type { Config } from '../config.js';
import type { Clock } from '../ports/clock.js';
import type { LedgerUpkeep } from '../ports/ledgerUpkeep.js';
import type { UsageLedger } from '../ports/usageLedger.js';
import { uuidv7 } from '../services/metering/uuidv7.js';
import { Adjustments } from '../services/usage/adjustments.js';
import { ClosedPeriods } from '../services/usage/closedPeriods.js';
import type { TenantQuota } from '../services/usage/quotaService.js';
import { StorageChanges } from '../services/usage/storageChanges.js';
import { UsageEvents } from '../services/usage/usageEvents.js';
import type { UsageService } from '../services/usage/usageService.js';
import { postgresBookings } from '../stores/postgres/postgresBookings.js';
import type { PostgresPool } from '../stores/postgres/postgresPool.js';

/** See the head of this file. */
export interface Booked {
  /** Corrections of what was used. */
  readonly adjustments: Adjustments;
  /** Changes of what tenants store. */
  readonly storageChanges: StorageChanges;
  /** Usage that others tell of. */
  readonly usageEvents: UsageEvents;
  /** Months that were closed. */
  readonly closedPeriods: ClosedPeriods;
}

/** What they stand on. */
export interface BookingsParts {
  readonly pool: PostgresPool;
  readonly schema: string;
  readonly ledger: UsageLedger;
  readonly upkeep: LedgerUpkeep;
  readonly usageService: UsageService;
  readonly quotaOf: (tenantId: string) => TenantQuota;
  readonly config: Pick<Config, 'usageMeterEnabled' | 'unknownTenants' | 'meters'>;
  readonly clock: Clock;
}

export function bookings({
  pool,
  schema,
  ledger,
  upkeep,
  usageService,
  quotaOf,
  config,
  clock,
}: BookingsParts): Booked {
  const store = postgresBookings(pool, { schema });
  const metering = config.usageMeterEnabled;
  const { meters } = config;
  return {
    adjustments: new Adjustments({
      bookings: store,
      quotaOf,
      clock,
      meters,
      hasUsage: (tenantId) => usageService.hasUsage(tenantId),
    }),
    storageChanges: new StorageChanges({ bookings: store, clock, metering }),
    usageEvents: new UsageEvents({
      bookings: store,
      ledger,
      quotaOf,
      clock,
      refusesUnknown: config.unknownTenants === 'deny',
      meters,
      newPointId: uuidv7,
      metering,
    }),
    closedPeriods: new ClosedPeriods({ bookings: store, upkeep, usageService, quotaOf, clock }),
  };
}
