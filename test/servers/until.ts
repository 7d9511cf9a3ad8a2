// Waiting without sleeping: a test names what it waits for and how long that may take at most.

const POLL_MS = 10;

/**
 * Polls `condition` until it answers something truthy, and returns that. A condition that throws counts as not yet;
 * after `deadlineMs` (default 10 s) the error says what was awaited and why the last attempt failed.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: { deadlineMs?: number; what?: string; pollMs?: number } = {},
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const deadlineMs = options.deadlineMs ?? 10_000;
  const startedAt = performance.now();
  let cause: unknown;
  while (true) {
    try {
      const value = await condition();
      if (value) return value as Exclude<T, false | null | undefined | 0 | ''>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() - startedAt >= deadlineMs) {
      const reason = cause instanceof Error ? `: ${cause.message}` : '';
      throw new Error(`not within ${deadlineMs} ms: ${options.what ?? condition.toString()}${reason}`, { cause });
    }
    await new Promise((resolve) => setTimeout(resolve, options.pollMs ?? POLL_MS));
  }
}
