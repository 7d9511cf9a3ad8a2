// What the standalone server stands on, wired from the environment's configuration.
import type { Config } from '../config.js';
import { readOrMakeAdminToken } from '../embedded/adminToken.js';
import { dataFolderOf, makeDataFolder } from '../embedded/dataFolder.js';
import { createAdmit } from '../http/admit.js';
import { createResolvers } from '../http/tenantOf.js';
import type { AdminRoutesParts } from '../routes/adminRoutes.js';
import type { AuthorizeParts } from '../routes/authorize.js';
import type { ConsumeParts } from '../routes/consume.js';
import type { EventsParts } from '../routes/events.js';
import type { ReservationsRouteParts } from '../routes/reservations.js';
import type { Metrics } from '../telemetry/metrics.js';
import { adminParts } from './adminParts.js';
import { type Composition, compose } from './compose.js';
import type { Log } from './log.js';
import { choicesOf } from './storeChoices.js';
import { createTelemetry } from './telemetry.js';

/** See the head of this file. Nothing is opened yet. */
export interface ServerComposition extends Pick<Composition, 'claimFolder' | 'start' | 'close' | 'readiness'> {
  readonly consume: ConsumeParts;
  readonly reservations: ReservationsRouteParts;
  readonly authorize: AuthorizeParts;
  readonly events: EventsParts;
  readonly admin: AdminRoutesParts;
  readonly metrics: Metrics;
  /** The token in the data folder, made where there is none. */
  keptToken(): { readonly token: string; readonly made: boolean };
}

export function composeServer(config: Config, log: Log): ServerComposition {
  const telemetry = createTelemetry(config, log);
  const { observer, traced, metrics } = telemetry;
  const composition = compose({ ...choicesOf(config), config, log, observer, traced });
  const { decide, reservations, usageRecorder } = composition;
  const admit = createAdmit(config.headers);
  const recordCall = (tenantId: string, usageDate: string, userId: string | undefined) =>
    usageRecorder.recordCall(tenantId, usageDate, userId);
  return {
    consume: {
      ...{ decide, recordCall },
      recordUser: (tenantId, usageDate, userId) => usageRecorder.recordUser(tenantId, usageDate, userId),
      ...{ admit, meters: config.meters },
    },
    reservations: { reservations, recordCall, admit, meters: config.meters },
    authorize: {
      decide,
      recordCall: (tenantId, usageDate) => recordCall(tenantId, usageDate, undefined),
      admit,
      tenantOf: createResolvers({ tenantHeader: config.tenantHeader }).tenantOf,
      tenantHeader: config.tenantHeader,
    },
    events: { bookEvents: (events) => composition.usageEvents.book(events) },
    admin: adminParts(composition, telemetry.denials, config, log),
    metrics,
    keptToken: () => {
      const folder = dataFolderOf(config.dataDir);
      makeDataFolder(folder);
      return readOrMakeAdminToken(folder);
    },
    claimFolder: composition.claimFolder,
    start: composition.start,
    close: composition.close,
    readiness: composition.readiness,
  };
}
