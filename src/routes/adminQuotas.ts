// GET, PUT, PATCH, DELETE /quotas/:tenantId: which limits hold for a tenant, what is left of them, and setting them.
import { z } from 'zod';
import type { Plans } from '../core/quota/plans.js';
import { quotaReport } from '../core/quota/quotaReport.js';
import type { SettingPatch } from '../core/quota/setting.js';
import type { Decision } from '../http/admit.js';
import { locatedBelow, tenantNotFound } from '../http/faults.js';
import { forwarding } from '../http/forwarding.js';
import type { MatchedRequest, RouteTable } from '../http/handler.js';
import { readJsonBody } from '../http/jsonBody.js';
import { tenantOfPath } from '../http/requestInput.js';
import { sendJson } from '../http/respond.js';
import { settingPatchOf } from '../http/settingPatch.js';
import { shapeFaults } from '../http/shapeFaults.js';
import type { TenantQuota } from '../services/usage/quotaService.js';

/** What the routes need. */
export interface AdminQuotasParts {
  readonly quotas: {
    quotaOf(tenantId: string): TenantQuota;
    replace(tenantId: string, patch: SettingPatch): Promise<TenantQuota>;
    merge(tenantId: string, patch: SettingPatch): Promise<TenantQuota>;
    /** Rejects with `tenant_not_found`. */
    remove(tenantId: string): Promise<TenantQuota>;
  };
  /** Where the limits stand; charges and creates nothing. */
  readonly look: (tenantId: string) => Decision | Promise<Decision>;
  /** Whether the ledger has usage of the tenant. */
  readonly hasUsage: (tenantId: string) => Promise<boolean>;
  readonly plans: Plans;
  readonly defaultPlan: string;
}

export function mountAdminQuotas(router: RouteTable, parts: AdminQuotasParts): void {
  const { quotas } = parts;
  const path = '/quotas/:tenantId';
  router.get(
    path,
    forwarding(async (req, res) => sendJson(res, 200, await read(parts, tenantOf(req)))),
  );
  router.put(
    path,
    forwarding(async (req, res) => {
      const tenantId = tenantOf(req);
      const rules = { plans: parts.plans, planOtherwise: parts.defaultPlan, nullable: false };
      const patch = patchOf(await readJsonBody(req), rules);
      await changing(quotas.replace(tenantId, patch));
      sendJson(res, 200, await quotaBody(parts, tenantId));
    }),
  );
  router.patch(
    path,
    forwarding(async (req, res) => {
      const tenantId = tenantOf(req);
      const body = await readJsonBody(req);
      // A PATCH that ends the tenant's plan is checked against the default one, which then holds.
      const planOtherwise = endsPlan(body) ? parts.defaultPlan : quotas.quotaOf(tenantId).plan;
      const patch = patchOf(body, { plans: parts.plans, planOtherwise, nullable: true });
      await changing(quotas.merge(tenantId, patch));
      sendJson(res, 200, await quotaBody(parts, tenantId));
    }),
  );
  router.delete(
    path,
    forwarding(async (req, res) => {
      const tenantId = tenantOf(req);
      await quotas.remove(tenantId);
      sendJson(res, 200, await quotaBody(parts, tenantId));
    }),
  );
}

const tenantOf = (req: MatchedRequest): string => tenantOfPath(req.params.tenantId);

const FIELDS = {
  plan: z.unknown().optional(),
  limits: z.unknown().optional(),
  timeZone: z.unknown().optional(),
  billingAnchorDay: z.unknown().optional(),
};
const SETTING = z.strictObject(FIELDS);
const KNOWN_FIELDS = z.object(FIELDS);

function patchOf(body: unknown, rules: Parameters<typeof settingPatchOf>[1]): SettingPatch {
  const strict = SETTING.safeParse(body);
  const unknownFields = strict.success ? [] : shapeFaults(strict.error.issues, body);
  return settingPatchOf(KNOWN_FIELDS.safeParse(body).data ?? {}, rules, unknownFields);
}

const endsPlan = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && 'plan' in body && body.plan === null;

/** The service checks once more, under the row's lock: another change may have come between. */
async function changing(change: Promise<TenantQuota>): Promise<void> {
  try {
    await change;
  } catch (error) {
    throw locatedBelow('body', error);
  }
}

async function read(parts: AdminQuotasParts, tenantId: string): Promise<object> {
  const decision = await parts.look(tenantId);
  // Usage may still be on its way to the ledger: what a counter has charged proves the tenant too.
  const known = parts.quotas.quotaOf(tenantId).hasSetting || decision.limits.some((state) => state.used > 0);
  if (!known && !(await parts.hasUsage(tenantId))) throw tenantNotFound();
  return quotaReport(tenantId, parts.quotas.quotaOf(tenantId), decision.limits);
}

/** Also where the counter store does not answer: a setting can be read and changed all the same. */
async function quotaBody(parts: AdminQuotasParts, tenantId: string): Promise<object> {
  const decision = await parts.look(tenantId);
  return quotaReport(tenantId, parts.quotas.quotaOf(tenantId), decision.limits);
}
