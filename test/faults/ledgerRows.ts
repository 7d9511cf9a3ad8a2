// What the ledger says of a tenant, read past Tallygate.
import { Client } from 'pg';
import type { TestDatabase } from '../servers/databases.js';

/** Sums over all days, meters and resets. */
export interface ChargeSums {
  readonly units: number;
  readonly denied: number;
  readonly overage: number;
  readonly unconfirmed: number;
}

/** Runs one statement. */
export async function rowsOf(
  database: Pick<TestDatabase, 'url'>,
  text: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** What the quota charged, denied, let pass as overage and could not confirm. */
export async function chargesOf(database: Pick<TestDatabase, 'url'>, tenantId: string): Promise<ChargeSums> {
  const sums = ['units', 'denied', 'overage', 'unconfirmed'].map((name) => `coalesce(sum(${name}), 0)::float8 ${name}`);
  const [row] = await rowsOf(database, `select ${sums.join()} from tallygate.quota_charge where tenant_id = $1`, [
    tenantId,
  ]);
  const { units, denied, overage, unconfirmed } = row ?? {};
  return { units: Number(units), denied: Number(denied), overage: Number(overage), unconfirmed: Number(unconfirmed) };
}

/** API calls that were metered. */
export async function callsOf(database: Pick<TestDatabase, 'url'>, tenantId: string): Promise<number> {
  const text = 'select coalesce(sum(api_calls), 0)::float8 calls from tallygate.tenant_usage where tenant_id = $1';
  return Number((await rowsOf(database, text, [tenantId]))[0]?.calls);
}
