// The key under which a client repeats a request: whatever comes under it counts once.

/** Most characters of a key. */
const MOST_CHARACTERS = 255;

/** Why a text cannot be a key, or undefined where it can. */
export function idempotencyKeyFault(key: string): string | undefined {
  if (key !== '' && key.length <= MOST_CHARACTERS) return undefined;
  const got = key === '' ? 'none' : `${key.length}`;
  return `expected a key of 1 to ${MOST_CHARACTERS} characters that the same request is repeated with, got ${got}`;
}
