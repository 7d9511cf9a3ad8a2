// Keys under which something is booked once. Free text never is a key: at the length that it may have it can be too long for an index.
import { createHash } from 'node:crypto';

/** Bytes of a key. At 16 two of 10^9 keys of one tenant meet with a probability of 10^-21. */
const KEY_BYTES = 16;

/** The key of some texts: SHA-256, cut. Each text comes after its length in bytes, so that no two lists of texts run together. */
export function bookingKey(...texts: readonly string[]): Buffer {
  const hash = createHash('sha256');
  for (const text of texts) {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(Buffer.byteLength(text));
    hash.update(length).update(text);
  }
  return hash.digest().subarray(0, KEY_BYTES);
}
