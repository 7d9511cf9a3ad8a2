// What the standalone server stands on, wired from the environment's configuration.
import type { Config } from '../config.js';
import { readOrMakeAdminToken } from '../embedded/adminToken.js';
import { dataFolderOf, makeDataFolder } from '../embedded/dataFolder.js';
import { createAdmit } from '../http/admit.js';
import type { AdminRoutesParts } from '../routes/adminRoutes.js';
import type { ConsumeParts } from '../routes/consume.js';
import { createMetrics, type Metrics } from '../telemetry/metrics.js';
import { adminParts } from './adminParts.js';
import { type Composition, compose } from './compose.js';
import type { Log } from './log.js';
import { choicesOf } from './options.js';

/** See the head of this file. Nothing is opened yet. */
export interface ServerComposition extends Pick<Composition, 'claimFolder' | 'start' | 'close' | 'readiness'> {
  readonly consume: ConsumeParts;
  readonly admin: AdminRoutesParts;
  readonly metrics: Metrics;
  /** The token in the data folder, made where there is none. */
  keptToken(): { readonly token: string; readonly made: boolean };
}

export function composeServer(config: Config, log: Log): ServerComposition {
  const metrics = createMetrics();
  const composition = compose({ ...choicesOf(config), config, log, observer: metrics.observer });
  const { admission, usageRecorder } = composition;
  return {
    consume: {
      decide: (tenantId, cost) => admission.decide(tenantId, cost),
      recordCall: (tenantId, usageDate, userId) => usageRecorder.recordCall(tenantId, usageDate, userId),
      admit: createAdmit(config.headers),
    },
    admin: adminParts(composition, config, log),
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
