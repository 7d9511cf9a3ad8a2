// `tallygate/middleware/usageMeter`: the middleware, configured by the environment alone.
import { instance } from './instance.js';

/** Meters each request: one API call of its tenant, and its user as active on that day. Mount it after `tenantQuota`. */
const usageMeter = instance.usageMeter();

export = usageMeter;
