// What a CloudEvent says of usage: the subject is the tenant, the time is when it happened, the data is what is counted.
import { API_CALLS } from '../core/meter.js';
import { isCount, MAX_COUNT } from '../core/quota/limit.js';
import type { UsageEvent } from '../core/usage/usageEvent.js';
import type { CloudEvent } from './cloudEvent.js';
import { eventTimeMs } from './cloudEventAttributes.js';
import type { Fault } from './faults.js';
import { shown, tenantFault, userFault } from './requestInput.js';

/** What `data` may hold, and why a value there does not fit. */
const FIELDS: Readonly<Record<string, (value: unknown) => string | undefined>> = {
  meter: (value) => (typeof value === 'string' ? undefined : `expected a text, got ${shown(value)}`),
  value: (value) =>
    isCount(value) ? undefined : `expected a whole number from 0 to ${MAX_COUNT}, got ${shown(value)}`,
  user: userFault,
};

/** Usage, or all that is wrong with what tells of it, located at the event's members. */
export type ReadUsage =
  | { readonly usage: UsageEvent; readonly faults?: never }
  | { readonly faults: readonly Fault[]; readonly usage?: never };

/** The usage that an event tells of. Without data: one API call. */
export function usageEventOf({ attributes, data }: CloudEvent): ReadUsage {
  const { subject, source, id, time } = attributes;
  const faults: Fault[] = [];
  const tenant = tenantFault(subject);
  if (tenant !== undefined) faults.push({ location: 'subject', message: `the tenant: ${tenant}` });
  const fields = fieldsOf(data, faults);
  if (faults.length > 0) return { faults };
  const { meter = API_CALLS, value, user } = fields;
  const usage = {
    tenantId: String(subject),
    source: String(source),
    id: String(id),
    atMs: time === undefined ? undefined : eventTimeMs(String(time)),
    meter,
    value,
    userId: user,
  };
  return { usage };
}

/** Unknown fields are faults: a misspelt `value` would be one call on an invoice. */
function fieldsOf(data: unknown, faults: Fault[]): { meter?: string; value?: number; user?: string } {
  if (data === undefined || data === null) return {};
  if (typeof data !== 'object' || Array.isArray(data)) {
    faults.push({ location: 'data', message: `expected a JSON object with meter, value or user, got ${shown(data)}` });
    return {};
  }
  for (const [name, value] of Object.entries(data)) {
    const message = Object.hasOwn(FIELDS, name) ? FIELDS[name]?.(value) : 'unknown field';
    if (message !== undefined) faults.push({ location: `data.${name.slice(0, 80)}`, message });
  }
  return data;
}
