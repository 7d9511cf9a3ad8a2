// The standalone server: listens, then makes or reads the admin token, says on stdout what it is, and starts the stores behind it.
import { resolve } from 'node:path';
import type { Config } from '../config.js';
import { type AppParts, createApp } from './app.js';
import { listen } from './listener.js';
import { createReadinessGate } from './readinessGate.js';
import { type StartFacts, startLines, urlOf } from './startLines.js';

/** What the server stands on; made by the composition root, nothing of it opened yet but the lock of the data folder. */
export interface ServerParts extends AppParts {
  /** The token in the data folder, made where there is none. Called once, after the port is held, unless ADMIN_TOKEN is set. */
  readonly keptToken: () => { readonly token: string; readonly made: boolean };
  /** Opens the stores, as often as it takes. Rejects with what will never come right by itself. */
  readonly start: () => Promise<void>;
  /** Flushes and closes the stores. Resolves to the rows of usage that could not be flushed. */
  readonly close: (deadlineMs: number) => Promise<number>;
}

/** What is configured of the server. */
export type ServerConfig = Pick<
  Config,
  'host' | 'port' | 'adminToken' | 'dataDir' | 'metricsPublic' | 'database' | 'redis'
>;

/** How the server is started. */
export interface ServerSettings {
  readonly config: ServerConfig;
  readonly parts: ServerParts;
  /** Takes each start line: `console.log`. */
  readonly print: (line: string) => void;
  readonly onError: (error: unknown, requestId: string) => void;
}

/** A server that listens. */
export interface RunningServer {
  /** Where a client on this machine reaches it. */
  readonly url: string;
  readonly port: number;
  /** Settles when the stores are open; rejects with what will never come right by itself: then nothing will ever be ready. */
  readonly ready: Promise<void>;
  /**
   * Stops listening, finishes requests within half of `deadlineMs`, and flushes in the rest of it. Again: the same promise.
   * Resolves to the rows of usage that could not be flushed.
   */
  stop(deadlineMs?: number): Promise<number>;
}

/** How long a stop may take. */
export const STOP_DEADLINE_MS = 10_000;

/**
 * Starts the server. Resolves when it listens, which is before it is ready.
 * @throws TallygateError `invalid_configuration` where the address cannot be had; then no token is made
 */
export async function startServer({ config, parts, print, onError }: ServerSettings): Promise<RunningServer> {
  const listener = await listen(config);
  const { port } = listener;
  const gate = createReadinessGate();
  try {
    const kept = config.adminToken === undefined ? parts.keptToken() : undefined;
    const adminToken = config.adminToken ?? kept?.token ?? '';
    listener.serve(
      createApp(parts, { adminToken, metricsPublic: config.metricsPublic, untilReady: gate.handler, onError }),
    );
    for (const line of startLines(factsOf(config, port, kept))) print(line);
  } catch (error) {
    await listener.close(0);
    throw error;
  }
  const ready = parts.start().then(gate.open, (error: unknown) => {
    gate.giveUp();
    throw error;
  });
  // Whoever stops the server before it is ready need not look at this.
  ready.catch(() => undefined);
  let stopping: Promise<number> | undefined;
  async function stop(deadlineMs: number): Promise<number> {
    const since = performance.now();
    gate.giveUp();
    await listener.close(deadlineMs / 2);
    return parts.close(Math.max(0, deadlineMs - (performance.now() - since)));
  }
  return {
    url: urlOf({ host: config.host, port }),
    port,
    ready,
    stop: (deadlineMs = STOP_DEADLINE_MS) => {
      stopping ??= stop(deadlineMs);
      return stopping;
    },
  };
}

function factsOf(
  config: ServerConfig,
  port: number,
  kept: ReturnType<ServerParts['keptToken']> | undefined,
): StartFacts {
  return {
    address: { host: config.host, port },
    stores: { postgresSchema: config.database?.schema, redis: config.redis !== undefined },
    dataFolder: resolve(config.dataDir),
    token:
      kept === undefined ? { from: 'environment' } : kept.made ? { from: 'made', token: kept.token } : { from: 'kept' },
  };
}
