// A promise that many wait for, and the means to settle it from outside.

/** See the head of this file. */
export interface Awaited {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A new one, open. */
export function awaited(): Awaited {
  let settled: Omit<Awaited, 'promise'> | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settled = { resolve, reject };
  });
  return { promise, ...(settled as Omit<Awaited, 'promise'>) };
}
