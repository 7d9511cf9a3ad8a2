// kill -9 of processes that meter, at random moments: the ledger ends with everything that was acknowledged, but for the turn in
// which a process died, and with nothing that was not sent. What the dead left is brought to the ledger by those that start next.
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { builtModule } from '../servers/builtModule.js';
import { startProcess } from '../servers/childProcess.js';
import { createMigratedDatabase, type TestDatabase } from '../servers/databases.js';
import { newFolder } from '../servers/runFolder.js';
import { until } from '../servers/until.js';

/** 200 in a long run. */
const KILLS = process.env.TALLYGATE_LONG === '1' ? 200 : 20;
const START_MS = 60_000;

// Books some calls a turn and says what it does by single letters: s sent, a acknowledged, e the turn has ended.
const METER = `
const [index, tenant, most] = process.argv.slice(1);
const { writeSync } = require('node:fs');
const { createTallygate } = require(index);
const tallygate = createTallygate({});
const turn = async () => {
  for (let left = 1 + Math.floor(Math.random() * most); left > 0; left -= 1) {
    writeSync(1, 's');
    await tallygate.usage.record(tenant, { apiCalls: 1 });
    writeSync(1, 'a');
  }
  setImmediate(() => { writeSync(1, 'e'); turn(); });
};
tallygate.usage.record('start', { apiCalls: 1 }).then(() => tallygate.flush()).then(() => { writeSync(2, 'ready\\n'); turn(); });
`;

interface Told {
  readonly sent: number;
  /** Acknowledged in turns that have ended. */
  readonly least: number;
}

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createMigratedDatabase();
  folder = newFolder('journals');
});
afterAll(() => database?.drop());

const startMeter = (tenant: string, most: number) =>
  startProcess(process.execPath, ['-e', METER, builtModule('index'), tenant, String(most)], {
    env: { DATABASE_URL: database.url, TALLYGATE_DATA_DIR: folder, USAGE_METER_FLUSH_INTERVAL_MS: '250' },
  });

/** Lets one process meter until it is killed. `most` calls a turn. */
async function killedMeter(tenant: string, most: number): Promise<[string, Told]> {
  const meter = await startMeter(tenant, most);
  try {
    await meter.waitForLine(/ready/, START_MS);
    const enough = 20 + Math.random() * 2_000;
    await until(() => meter.stdout().length >= enough, { what: 'some calls' });
  } finally {
    await meter.end();
  }
  const said = meter.stdout();
  const count = (text: string, letter: string) => text.split(letter).length - 1;
  return [tenant, { sent: count(said, 's'), least: count(said.slice(0, said.lastIndexOf('e') + 1), 'a') }];
}

async function callsByTenant(): Promise<Map<string, number>> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query(
      'select tenant_id, sum(api_calls)::int as calls from tallygate.tenant_usage group by 1',
    );
    return new Map(rows.map((row) => [row.tenant_id, row.calls]));
  } finally {
    await client.end();
  }
}

it(
  `${KILLS} kills: what was acknowledged, less the dying turn, <= ledger <= what was sent`,
  async () => {
    const told: [string, Told][] = [];
    // Half of them with one call a turn: there the dying turn is one call at the most.
    for (let kill = 0; kill < KILLS; kill += 2) {
      told.push(...(await Promise.all([killedMeter(`many ${kill}`, 5), killedMeter(`one ${kill}`, 1)])));
    }
    // One more, which replays what the last two left.
    const last = await startMeter('last', 1);
    try {
      await last.waitForLine(/ready/, START_MS);
      let calls = await callsByTenant();
      const missing = () => told.filter(([tenant, { least }]) => (calls.get(tenant) ?? 0) < least);
      await until(
        async () => {
          calls = await callsByTenant();
          return missing().length === 0;
        },
        { deadlineMs: 20_000, what: 'what the dead left is in the ledger' },
      ).catch(() => undefined);
      expect(missing().map(([tenant, { least }]) => ({ tenant, least, ledger: calls.get(tenant) }))).toEqual([]);
      let sent = 0;
      let dying = 0;
      for (const [tenant, one] of told) {
        const counted = calls.get(tenant) ?? 0;
        expect(counted, tenant).toBeLessThanOrEqual(one.sent);
        if (tenant.startsWith('one')) expect(one.sent - counted, tenant).toBeLessThanOrEqual(1);
        sent += one.sent;
        dying += one.sent - counted;
      }
      process.stdout.write(
        `${KILLS} kills: ${sent} calls sent, ${dying} of them in dying turns and not in the ledger\n`,
      );
    } finally {
      await last.end();
    }
  },
  30_000 * KILLS,
);
