// Whose requests are sent, and in which order: the same in every run, so that only what answers them differs.

/** Tenants with traffic, the hot one included. */
export const TENANT_COUNT = 1_000;
/** Requests after which the order begins again. */
const ORDER_LENGTH = 65_536;

/** One tenant that sends everything, or 1,000 whose traffic falls with their rank (Zipf's law, exponent 1). */
export type Traffic = 'hot' | 'zipf';

/** What can be sent: also each tenant in turn, so that none of them is new any more. */
export type Order = Traffic | 'each';

export const TRAFFICS: readonly Traffic[] = ['hot', 'zipf'];

/** What the traffic is called in print. */
export const TRAFFIC_TITLE: Readonly<Record<Traffic, string>> = {
  hot: 'One hot tenant',
  zipf: `${TENANT_COUNT.toLocaleString('en')} tenants by Zipf's law`,
};

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ids as most apps have them: UUIDs. */
export function tenantIds(count: number): readonly string[] {
  const random = seededRandom(1);
  const hex = (digits: number) =>
    Math.floor(random() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0');
  return Array.from({ length: count }, () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(6)}${hex(6)}`);
}

/** The ranks of the tenants that send, request by request: 0 sends the most. Sent in a circle. */
export function tenantOrder(kind: Order): Uint16Array {
  const order = new Uint16Array(ORDER_LENGTH);
  if (kind === 'hot') return order;
  if (kind === 'each') return order.map((_, index) => index % TENANT_COUNT);
  const shares: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= TENANT_COUNT; rank += 1) {
    sum += 1 / rank;
    shares.push(sum);
  }
  const random = seededRandom(2);
  return order.map(() => firstAbove(shares, random() * sum));
}

/** Index of the first entry above `value`, by halving. */
function firstAbove(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
