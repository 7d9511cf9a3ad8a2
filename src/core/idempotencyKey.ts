// The key under which a client repeats a request: whatever comes under it counts once.

/** Most characters of a key. */
const MOST_CHARACTERS = 255;

/** Why a text cannot be a key, or undefined where it can. */
export function idempotencyKeyFault(key: string): string | undefined {
  // A hash of UTF-8 makes one text of all lone surrogates: two keys would be one, and the second call would not count.
  if (!key.isWellFormed() || key.includes('\0')) return 'expected text without NUL and without lone surrogates';
  if (key !== '' && key.length <= MOST_CHARACTERS) return undefined;
  const got = key === '' ? 'none' : `${key.length}`;
  return `expected a key of 1 to ${MOST_CHARACTERS} characters that the same request is repeated with, got ${got}`;
}
