// `tallygate/middleware/tenantQuota`: the middleware, configured by the environment alone.
import { instance } from './instance.js';

/**
 * Charges each request to its tenant's quota; answers 429 where it does not fit. Mount it after authentication and before
 * `usageMeter`. The tenant is `req.tenant?.id ?? req.tenantId ?? req.user?.tenantId`, or the header that `TENANT_HEADER` names.
 */
const tenantQuota = instance.tenantQuota();

export = tenantQuota;
