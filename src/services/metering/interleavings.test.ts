// The exactly-once half of metering under every interleaving that chance finds: the shipped code, with disk, ledger and time in memory.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ACTIONS, NAMED, runSchedule, Seen } from '../../../test/metering/explore.js';
import { MUTANTS, SHIPPED } from '../../../test/metering/mutants.js';

const SCHEDULES = Number(process.env.TEST_SCHEDULES ?? 100_000);
const MUTANT_SCHEDULES = 1_000;
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

// Retries have timers of their own: nobody waits for them, and they must not fire into a later schedule. A stub, because timers that
// are kept cost most of the time.
const never = { unref: () => never, ref: () => never };
beforeEach(() => {
  for (const name of ['setTimeout', 'setInterval']) vi.stubGlobal(name, () => never);
  for (const name of ['clearTimeout', 'clearInterval']) vi.stubGlobal(name, () => undefined);
});
afterEach(() => void vi.unstubAllGlobals());

describe('usage is counted once, whatever happens between its steps', () => {
  it(`in ${SCHEDULES} schedules`, { timeout: 600_000 }, async () => {
    const seen = new Seen();
    for (let number = 0; number < SCHEDULES; number += 1) {
      const fault = await runSchedule(seed + number, SHIPPED, seen);
      expect(fault, `TEST_SEED=${seed + number} TEST_SCHEDULES=1`).toBeUndefined();
    }
    tell(seen);
    // Fewer are for looking at one thing: rare pairs need their number.
    if (SCHEDULES < 100_000) return;
    expect(seen.lost / (seen.lost + seen.applies)).toBeGreaterThan(0.05);
    const missing = NAMED.flatMap((one) => NAMED.map((two) => `${one} > ${two}`)).filter(
      (pair) => !seen.pairs.has(pair),
    );
    expect(missing).toEqual([]);
  });

  it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    `and the explorer notices: ${'%s'}`,
    { timeout: 120_000 },
    async (_, mutant) => {
      const seen = new Seen();
      for (let number = 0; number < MUTANT_SCHEDULES; number += 1) {
        if ((await runSchedule(seed + number, mutant, seen)) !== undefined) {
          process.stdout.write(`mutant "${mutant.name}": caught by schedule ${number + 1}\n`);
          return;
        }
      }
      expect.fail(`${MUTANT_SCHEDULES} schedules from TEST_SEED=${seed} saw nothing wrong`);
    },
  );
});

function tell(seen: Seen): void {
  const total = [...seen.actions.values()].reduce((sum, count) => sum + count, 0);
  const shares = [...seen.actions].map(([action, count]) => `${action} ${((100 * count) / total).toFixed(1)} %`);
  const lost = (100 * seen.lost) / (seen.lost + seen.applies);
  process.stdout.write(
    `${SCHEDULES} schedules from TEST_SEED=${seed}, ${total} actions, ${seen.pairs.size} pairs of ${ACTIONS.length ** 2}: ` +
      `${shares.join(', ')}; of answers of the ledger ${lost.toFixed(1)} % were lost\n`,
  );
}
