// `tallygate/middleware/tenantQuota`: the middleware, configured by the environment alone.
import { instance } from './instance.js';

/**
 * Charges each request, `OPTIONS` apart, as one unit to its tenant's quota, and tells in headers where the limits stand: X-RateLimit
 * pairs and the fields of draft-ietf-httpapi-ratelimit-headers (`QUOTA_HEADERS`). Mount it after authentication and before
 * `usageMeter`. The tenant is `req.tenant?.id ?? req.tenantId ?? req.user?.tenantId`, or the header that `TENANT_HEADER` names;
 * a request without one passes, and is counted.
 *
 * Where a limit has no room it answers 429 with `Retry-After` (RFC 6585, RFC 9110) and a problem (RFC 9457), where the tenant's
 * id is none 400, and where the counter store does not answer 503, unless `QUOTA_ON_STORE_ERROR` is `allow`. Until the stores
 * have answered once requests wait, up to 15 s.
 *
 * The environment is read when this module is loaded. It flushes by itself on SIGTERM, SIGINT and at a script's end.
 * @throws TallygateError `invalid_configuration`, when it is loaded, with every fault of the environment
 * @example
 * const tenantQuota = require('tallygate/middleware/tenantQuota');
 * app.use(tenantQuota);
 */
const tenantQuota = instance.tenantQuota();

export = tenantQuota;
