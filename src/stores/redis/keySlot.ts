// Which of a cluster's 16,384 slots a key is in (Redis Cluster specification, "Key distribution model"): CRC16 (XMODEM) of the
// key's hash tag, or of the whole key. A test holds it to the server's own CLUSTER KEYSLOT.

/** Number of slots of every Redis Cluster. */
export const SLOTS = 16_384;

/** The slot of a key, from 0 to 16,383. */
export function keySlot(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(hashTagOf(key))) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
  }
  return crc & (SLOTS - 1);
}

/** What stands between the first `{` and the next `}`; the whole key where nothing does. */
function hashTagOf(key: string): string {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}
