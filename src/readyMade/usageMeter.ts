// `tallygate/middleware/usageMeter`: the middleware, configured by the environment alone.
import { instance } from './instance.js';

/**
 * Meters each request, `OPTIONS` apart: one API call of its tenant, and its user (`req.user?.id ?? req.userId`) as active on that
 * day, in the tenant's time zone. Mount it after `tenantQuota`: then what is metered is what was admitted, on the day that it was
 * charged to; without it the tenant is found as `tenantQuota` finds it. A request is metered once, however often this is mounted.
 *
 * Behind `tenantQuota` it waits for nothing; alone it waits up to 15 s for the start, which knows the tenant's time zone. Usage is in
 * the ledger with the next flush (`USAGE_METER_FLUSH_INTERVAL_MS`, 5,000 ms unless told).
 * @throws TallygateError `invalid_configuration`, when it is loaded, with every fault of the environment
 * @example
 * const usageMeter = require('tallygate/middleware/usageMeter');
 * app.use(usageMeter);
 */
const usageMeter = instance.usageMeter();

export = usageMeter;
