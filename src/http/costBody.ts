// Bodies of which one field is a cost: a number of own units, or amounts by meter. What is wrong with any field is told at once.
// Structurally typed, so that this room knows no schema library.
import type { RequestCost } from '../core/quota/cost.js';
import type { ReadCost } from '../core/quota/readCost.js';
import { invalidRequest } from './faults.js';
import { type ShapeIssue, shapeFaults } from './shapeFaults.js';

/** What is asked of a schema, as zod has it. */
export interface BodySchema<T> {
  safeParse(
    body: unknown,
  ):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly issues: readonly ShapeIssue[] } };
}

/**
 * The fields of a body and its cost.
 * @param costOf reads the cost from the body's fields, whether or not the others are what they should be
 * @throws TallygateError `invalid_request`
 */
export function readCostBody<T>(
  schema: BodySchema<T>,
  body: unknown,
  costOf: (fields: Readonly<Record<string, unknown>>) => ReadCost,
): { readonly fields: T; readonly asked: RequestCost } {
  const read = schema.safeParse(body);
  const given = typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : {};
  const { faults, ...asked } = costOf(given);
  const all = [...(read.success ? [] : shapeFaults(read.error.issues, body)), ...faults];
  if (!read.success || all.length > 0) throw invalidRequest(all);
  return { fields: read.data, asked };
}
