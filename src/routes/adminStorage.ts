// POST /usage/:tenantId/storage: a tenant's storage level, which holds until the next one.
import { z } from 'zod';
import { invalidRequest, locatedBelow, notSupported } from '../http/faults.js';
import { forwarding } from '../http/forwarding.js';
import type { RouteTable } from '../http/handler.js';
import { readJsonBody } from '../http/jsonBody.js';
import { instantFault, tenantOfPath, wholeFault } from '../http/requestInput.js';
import { sendJson } from '../http/respond.js';
import { fieldCheck, shapeFaults } from '../http/shapeFaults.js';

/** What the route needs. */
export interface AdminStorageParts {
  /** Books a level. Throws `invalid_request`, located at `set` or `at`, where the instant is too far away. */
  readonly recordStorage: (tenantId: string, bytes: number, atMs: number) => void;
  /** The process's wall clock, for a level without `at`. */
  readonly nowMs: () => number;
}

const LEVEL = z.strictObject({
  set: z.custom<number>(...fieldCheck(wholeFault)),
  at: z.custom<string>(...fieldCheck(instantFault)).optional(),
});

export function mountAdminStorage(router: RouteTable, parts: AdminStorageParts): void {
  router.post(
    '/usage/:tenantId/storage',
    forwarding(async (req, res) => {
      const tenantId = tenantOfPath(req.params.tenantId);
      const { set, at } = levelOf(await readJsonBody(req));
      const atMs = at === undefined ? parts.nowMs() : Date.parse(at);
      try {
        parts.recordStorage(tenantId, set, atMs);
      } catch (error) {
        throw locatedBelow('body', error);
      }
      sendJson(res, 202, { tenantId, set, at: new Date(atMs).toISOString() });
    }),
  );
}

function levelOf(body: unknown): z.infer<typeof LEVEL> {
  if (typeof body === 'object' && body !== null && Object.hasOwn(body, 'add'))
    throw notSupported('body.add', 'changes of the level are not supported yet; send the level itself as set');
  const read = LEVEL.safeParse(body);
  if (!read.success) throw invalidRequest(shapeFaults(read.error.issues, body));
  return read.data;
}
