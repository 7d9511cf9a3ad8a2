// Which strings may name a tenant or a user. Whatever passes here is safe as a key in every store; nothing else reaches one.

/** Longest tenant id, in code points. */
export const MAX_TENANT_ID_LENGTH = 256;
/** Longest user id, in code points. */
export const MAX_USER_ID_LENGTH = 512;

// UTF-8 needs at most four bytes a code point, and UTF-16 two units: a longer text is refused without counting it.
const fits = (text: string, most: number): boolean =>
  text.length <= most || (text.length <= 2 * most && [...text].length <= most);

// PostgreSQL refuses NUL in text (22021), and a lone surrogate has no UTF-8: either would poison a whole batch.
const isStorable = (text: string): boolean => !text.includes('\0') && text.isWellFormed();

/** Why `text` cannot be a tenant id, or undefined where it can. `.` and `..` vanish from URL paths, so no route could name them. */
export function tenantIdFault(text: string): string | undefined {
  if (text === '') return 'expected 1 to 256 characters, got an empty text';
  if (text === '.' || text === '..') return `expected an id that a URL path can carry, got "${text}"`;
  return identifierFault(text, MAX_TENANT_ID_LENGTH);
}

/** Why `text` cannot be a user id, or undefined where it can. */
export function userIdFault(text: string): string | undefined {
  if (text === '') return 'expected 1 to 512 characters, got an empty text';
  return identifierFault(text, MAX_USER_ID_LENGTH);
}

function identifierFault(text: string, most: number): string | undefined {
  if (!fits(text, most)) return `expected at most ${most} characters, got more`;
  if (!isStorable(text)) return 'expected text without NUL and without lone surrogates';
  return undefined;
}

/** An id as an app's code holds it: absent, usable as text, or at fault. */
export type ResolvedId =
  | { readonly kind: 'none' }
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'fault'; readonly fault: string };

const NONE: ResolvedId = { kind: 'none' };

/**
 * Reads what an app resolved as a tenant or user: `undefined` and `null` are none, a safe integer or a bigint becomes its
 * decimal text, a text is checked by `faultOf`, and anything else is a fault.
 */
export function resolveId(value: unknown, faultOf: (text: string) => string | undefined): ResolvedId {
  if (value === undefined || value === null) return NONE;
  const text = asText(value);
  if (text === undefined)
    return { kind: 'fault', fault: `expected a text, a safe integer or a bigint, got ${typeof value}` };
  const fault = faultOf(text);
  return fault === undefined ? { kind: 'id', id: text } : { kind: 'fault', fault };
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))) return String(value);
  return undefined;
}
