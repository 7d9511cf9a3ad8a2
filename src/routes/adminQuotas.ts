// GET, PUT, PATCH, DELETE /quotas/:tenantId: which limits hold for a tenant, what is left of them, and setting them. And POST
// /quotas/:tenantId/reset: what was used counts as 0 from then on.
import { z } from 'zod';
import type { Plans } from '../core/quota/plans.js';
import { quotaReport } from '../core/quota/quotaReport.js';
import type { SettingPatch } from '../core/quota/setting.js';
import { reasonFault } from '../core/quota/settingFaults.js';
import type { Decision } from '../http/admit.js';
import { invalidRequest, locatedBelow, tenantNotFound } from '../http/faults.js';
import { forwarding } from '../http/forwarding.js';
import type { MatchedRequest, RouteTable } from '../http/handler.js';
import { readJsonBody } from '../http/jsonBody.js';
import { tenantOfPath } from '../http/requestInput.js';
import { sendJson } from '../http/respond.js';
import { settingPatchOf } from '../http/settingPatch.js';
import { fieldCheck, shapeFaults } from '../http/shapeFaults.js';
import type { TenantQuota } from '../services/usage/quotaService.js';

/** What the routes need. */
export interface AdminQuotasParts {
  readonly quotas: {
    replace(tenantId: string, patch: SettingPatch): Promise<TenantQuota>;
    merge(tenantId: string, patch: SettingPatch): Promise<TenantQuota>;
    /** Rejects with `tenant_not_found`. */
    remove(tenantId: string): Promise<TenantQuota>;
    /** Rejects with `tenant_not_found`. */
    reset(tenantId: string, reset: { readonly reason: string; readonly author: string }): Promise<TenantQuota>;
  };
  /** What holds for the tenant, by the plan that the app's `resolvePlan` names where it names one. */
  readonly heldQuotaOf: (tenantId: string) => TenantQuota | Promise<TenantQuota>;
  /** The plan that `resolvePlan` named last for the tenant. */
  readonly resolvedPlanOf: (tenantId: string) => string | undefined;
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
      const body = await readJsonBody(req);
      const patch = patchOf(body, { ...(await plansFor(parts, tenantId)), nullable: false });
      await changing(quotas.replace(tenantId, patch));
      sendJson(res, 200, await quotaBody(parts, tenantId));
    }),
  );
  router.patch(
    path,
    forwarding(async (req, res) => {
      const tenantId = tenantOf(req);
      const body = await readJsonBody(req);
      const rules = await plansFor(parts, tenantId);
      // A PATCH that ends the tenant's plan is checked against the default one, which then holds.
      const planOtherwise = endsPlan(body) ? parts.defaultPlan : rules.planNow;
      const patch = patchOf(body, { ...rules, planOtherwise, nullable: true });
      await changing(quotas.merge(tenantId, patch));
      sendJson(res, 200, await quotaBody(parts, tenantId));
    }),
  );
  router.post(
    `${path}/reset`,
    forwarding(async (req, res) => {
      const tenantId = tenantOf(req);
      const { reason } = resetOf(await readJsonBody(req));
      await quotas.reset(tenantId, { reason, author: AUTHOR });
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

/** Who resets, as long as there is one token and it has no name. */
const AUTHOR = 'admin';

const RESET = z.strictObject({ reason: z.custom<string>(...fieldCheck(reasonFault)) });

function resetOf(body: unknown): z.infer<typeof RESET> {
  const read = RESET.safeParse(body);
  if (!read.success) throw invalidRequest(shapeFaults(read.error.issues, body));
  return read.data;
}

/** What a change is checked against; the plan that `resolvePlan` names is asked for first. */
async function plansFor(parts: AdminQuotasParts, tenantId: string) {
  const { plan: planNow } = await parts.heldQuotaOf(tenantId);
  const { plans, defaultPlan: planOtherwise } = parts;
  return { plans, planNow, planOtherwise, resolvedPlan: parts.resolvedPlanOf(tenantId) };
}

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
  const { hasSetting } = await parts.heldQuotaOf(tenantId);
  const known = hasSetting || decision.limits.some((state) => state.used > 0);
  if (!known && !(await parts.hasUsage(tenantId))) throw tenantNotFound();
  return quotaReport(tenantId, await parts.heldQuotaOf(tenantId), decision.limits);
}

/** Also where the counter store does not answer: a setting can be read and changed all the same. */
async function quotaBody(parts: AdminQuotasParts, tenantId: string): Promise<object> {
  const decision = await parts.look(tenantId);
  return quotaReport(tenantId, await parts.heldQuotaOf(tenantId), decision.limits);
}
