// What a schema found wrong with a body, as faults with their locations. Structurally typed, so that this room knows no schema library.
import type { Fault } from './faults.js';
import { shown } from './requestInput.js';

/** An issue of a schema, as zod reports it. */
export interface ShapeIssue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Fields that the schema does not know, below `path`. */
  readonly keys?: readonly string[];
}

/** A check of ours as the arguments of zod's `custom`: whether a field's value fits, and our words where it does not. */
export const fieldCheck = (faultOf: (value: unknown) => string | undefined) =>
  [
    (value: unknown): boolean => faultOf(value) === undefined,
    { error: (issue: { readonly input?: unknown }): string => faultOf(issue.input) ?? 'unexpected' },
  ] as const;

/** One fault for each issue, and one for each unknown field. */
export function shapeFaults(issues: readonly ShapeIssue[], body: unknown): Fault[] {
  return issues.flatMap((issue) => {
    const location = ['body', ...issue.path.map(String)].join('.');
    if (issue.keys !== undefined)
      return issue.keys.map((key) => ({ location: `${location}.${key}`, message: 'unknown field' }));
    // Only the body as a whole is typed by the schema itself; every field has a check with words of its own.
    const message = issue.path.length === 0 ? `expected a JSON object, got ${shown(body)}` : issue.message;
    return [{ location, message }];
  });
}
