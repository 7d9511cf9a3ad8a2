// The server as a process: from the folder's lock to the last flush. Order: folder lock, listen, token, start lines, stores.
import type { Config } from '../config.js';
import { composeServer } from '../tallygate.js';
import { createLog } from '../telemetry/log.js';
import { STOP_DEADLINE_MS, startServer } from './server.js';

/**
 * Runs until SIGTERM or SIGINT. Resolves to the exit status: 1 where usage could not be flushed.
 * @throws TallygateError where it cannot start: `folder_locked`, `invalid_configuration`, `ledger_mismatch`
 */
export async function serve(config: Config): Promise<0 | 1> {
  const log = createLog(config.logLevel);
  const parts = composeServer(config, log);
  parts.claimFolder();
  const server = await startServer({
    config,
    parts,
    print: (line) => void process.stdout.write(`${line}\n`),
    onError: parts.admin.onError,
  }).catch(async (error: unknown) => {
    await parts.close(0);
    throw error;
  });
  const stopAsked = new Promise<void>((resolve) => {
    // Not resolve itself: a listener gets the signal's name, and that would be taken for a failure below.
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  // Before the start is over its failure ends the server; afterwards only a signal does.
  const failed = server.ready.then(
    () => new Promise<never>(() => {}),
    (error: unknown) => ({ error }),
  );
  const failure = await Promise.race([stopAsked, failed]);
  const unflushed = await server.stop(STOP_DEADLINE_MS);
  if (failure !== undefined) throw failure.error;
  if (unflushed === 0) return 0;
  process.stderr.write(`${unflushed} rows of usage could not be flushed within ${STOP_DEADLINE_MS} ms and are lost.\n`);
  return 1;
}
