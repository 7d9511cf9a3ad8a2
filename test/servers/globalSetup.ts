// Before the first test with servers: one PostgreSQL and one Redis for the run, given or started. Never skips.
import { Client } from 'pg';
import { dropDatabasesOfRun } from './databases.js';
import { startPostgres } from './postgresServer.js';
import { redisAnswers, startRedis } from './redisServer.js';
import { beginRun, endRun } from './runFolder.js';

const OLDEST_POSTGRES = 150_000;

const stops: (() => Promise<void>)[] = [];

/** Vitest calls it before the first test. The workers inherit what it sets in the environment. */
export async function setup(): Promise<void> {
  beginRun();
  const starts = await Promise.allSettled([postgres(), redis()]);
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed === undefined) return;
  await teardown(); // vitest does not call it after a failed setup
  throw failed.reason;
}

/** Vitest calls it after the last test, whatever came of the tests. */
export async function teardown(): Promise<void> {
  try {
    const ends = await Promise.allSettled(stops.map((stop) => stop()));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  } finally {
    endRun();
  }
}

async function postgres(): Promise<void> {
  const given = process.env.TEST_DATABASE_URL;
  if (given === undefined || given === '') {
    const server = await startPostgres();
    process.env.TEST_DATABASE_URL = server.url;
    stops.push(() => server.stop());
    return;
  }
  const client = new Client({ connectionString: given, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    const { rows } = await client.query(`select current_setting('server_version_num')::int as version`);
    if (rows[0].version < OLDEST_POSTGRES) throw new Error(`version ${rows[0].version}, expected 15 or newer`);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`TEST_DATABASE_URL: expected a PostgreSQL that tests may create databases on: ${reason}`, {
      cause,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
  stops.push(dropDatabasesOfRun);
}

async function redis(): Promise<void> {
  const given = process.env.TEST_REDIS_URL;
  if (given === undefined || given === '') {
    const server = await startRedis();
    process.env.TEST_REDIS_URL = server.url;
    stops.push(() => server.stop());
  } else if (!(await redisAnswers(given))) {
    throw new Error(`TEST_REDIS_URL: expected a Redis that answers, nothing does at ${new URL(given).host}`);
  }
}
