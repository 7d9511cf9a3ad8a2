// POST /usage/:tenantId/storage: a tenant's storage level, which holds until the next one, or a change of it.
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { invalidRequest, locatedBelow } from '../http/faults.js';
import { forwarding } from '../http/forwarding.js';
import type { RouteTable } from '../http/handler.js';
import { requiredIdempotencyKey } from '../http/idempotencyKey.js';
import { readJsonBody } from '../http/jsonBody.js';
import { instantFault, shown, tenantOfPath, wholeFault } from '../http/requestInput.js';
import { sendJson } from '../http/respond.js';
import { fieldCheck, shapeFaults } from '../http/shapeFaults.js';

/** What the route needs. */
export interface AdminStorageParts {
  /** Books a level. Throws `invalid_request`, located at `set` or `at`, where the instant is too far away. */
  readonly recordStorage: (tenantId: string, bytes: number, atMs: number) => void;
  /** Books a change of the level, and says from when it holds. Rejects with `invalid_request`, `idempotency_conflict`. */
  readonly addStorage: (
    tenantId: string,
    change: { readonly add: number; readonly atMs: number | undefined; readonly idempotencyKey: string },
  ) => Promise<number>;
  /** The process's wall clock, for a level without `at`. */
  readonly nowMs: () => number;
}

const signedFault = (value: unknown): string | undefined =>
  Number.isSafeInteger(value) ? undefined : `expected whole bytes, also below 0, got ${shown(value)}`;

const AT = z.custom<string>(...fieldCheck(instantFault)).optional();

const CHANGE = z.strictObject({ add: z.custom<number>(...fieldCheck(signedFault)), at: AT });

const LEVEL = z.strictObject({
  set: z.custom<number>(...fieldCheck(wholeFault)),
  at: AT,
});

export function mountAdminStorage(router: RouteTable, parts: AdminStorageParts): void {
  router.post(
    '/usage/:tenantId/storage',
    forwarding(async (req, res) => {
      const tenantId = tenantOfPath(req.params.tenantId);
      const body = await readJsonBody(req);
      if (isChange(body)) sendJson(res, 200, await change(parts, tenantId, req, body));
      else sendJson(res, 202, setLevel(parts, tenantId, body));
    }),
  );
}

const isChange = (body: unknown): boolean => typeof body === 'object' && body !== null && Object.hasOwn(body, 'add');

function setLevel(parts: AdminStorageParts, tenantId: string, body: unknown): object {
  const { set, at } = read(LEVEL, body);
  const atMs = at === undefined ? parts.nowMs() : Date.parse(at);
  try {
    parts.recordStorage(tenantId, set, atMs);
  } catch (error) {
    throw locatedBelow('body', error);
  }
  return { tenantId, set, at: new Date(atMs).toISOString() };
}

/** A change that is told twice would count twice: it needs a key. */
async function change(
  parts: AdminStorageParts,
  tenantId: string,
  req: IncomingMessage,
  body: unknown,
): Promise<object> {
  const { add, at } = read(CHANGE, body);
  const idempotencyKey = requiredIdempotencyKey(req);
  try {
    const asked = at === undefined ? undefined : Date.parse(at);
    const atMs = await parts.addStorage(tenantId, { add, atMs: asked, idempotencyKey });
    return { tenantId, add, at: new Date(atMs).toISOString() };
  } catch (error) {
    throw locatedBelow('body', error);
  }
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw invalidRequest(shapeFaults(parsed.error.issues, body));
  return parsed.data;
}
