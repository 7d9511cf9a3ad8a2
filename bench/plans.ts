// What PostgreSQL does for a statement: which tables it reads by which index. Big tables must never be read as a whole.
import type { Client } from 'pg';

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly Plan[];
}

/** How a table was read. */
export interface Access {
  readonly table: string;
  readonly how: string;
}

/** Runs the statement and tells how it read its tables, each way once. */
export async function accessesOf(client: Client, text: string, values: readonly unknown[]): Promise<Access[]> {
  const { rows } = await client.query(`explain (analyze, format json) ${text}`, [...values]);
  const plans: readonly { readonly Plan: Plan }[] = rows[0]?.['QUERY PLAN'] ?? [];
  const found = new Map<string, Access>();
  for (const access of plans.flatMap(({ Plan: plan }) => [...accesses(plan, undefined)])) {
    found.set(JSON.stringify(access), access);
  }
  return [...found.values()];
}

/** @throws Error where one of `tables` was read otherwise than by an index */
export function assertByIndex(found: readonly Access[], tables: readonly string[]): void {
  for (const table of tables) {
    const ways = found.filter((access) => access.table === table);
    const wrong = ways.find(({ how }) => !/^(?:Index|Bitmap)/.test(how));
    if (ways.length === 0 || wrong !== undefined)
      throw new Error(`expected ${table} to be read by an index, got ${wrong?.how ?? 'no read at all'}`);
  }
}

function* accesses(plan: Plan, table: string | undefined): Generator<Access> {
  const name = plan['Relation Name'] ?? table;
  const index = plan['Index Name'];
  const isRead = index !== undefined || plan['Node Type'] === 'Seq Scan';
  if (name !== undefined && isRead) {
    yield { table: name, how: index === undefined ? plan['Node Type'] : `${plan['Node Type']} by ${index}` };
  }
  for (const below of plan.Plans ?? []) yield* accesses(below, name);
}
