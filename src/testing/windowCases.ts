// Cases of the counter store: which window a charge goes to, by whose clock.
import assert from 'node:assert/strict';
import { type CounterStoreCase, caseOf, HOUR_MS, windowFrom } from './counterStoreCase.js';

/** Short enough to see its end. */
const SHORT_MS = 100;

export const windowCases: readonly CounterStoreCase[] = [
  caseOf('the store picks the sent window that holds its own time', async (tenant) => {
    const now = await tenant.now();
    // By the caller's clock the present window is the next one, or the one before: a process some minutes off.
    for (const [field, offset, sent] of [
      ['ahead', HOUR_MS, 0],
      ['behind', -HOUR_MS, 2],
    ] as const) {
      const window = windowFrom(now - HOUR_MS / 2 + offset, { field });
      const counted = (await tenant.decide(1, [window])).windows[0];
      assert.equal(counted?.sent, sent);
      assert.equal(counted?.start, now - HOUR_MS / 2);
      assert.equal(counted?.end, now + HOUR_MS / 2);
    }
  }),

  caseOf('a window is charged by its own label until its end, whatever other starts are sent', async (tenant) => {
    const hour = await tenant.present({ limit: 10 });
    await tenant.decide(6, [hour]);
    const shifted = windowFrom(hour.starts[1] - 1_000, { limit: 10 });
    const counted = (await tenant.decide(1, [shifted])).windows[0];
    assert.deepEqual(counted, { start: hour.starts[1], end: hour.starts[2], used: 7, sent: 1, provisional: false });
    const before = windowFrom(hour.starts[1] + HOUR_MS / 4, { limit: 10 });
    const early = (
      await tenant.decide(1, [
        { ...before, starts: [before.starts[1], before.starts[2], before.end], end: before.end + HOUR_MS },
      ])
    ).windows[0];
    assert.equal(early?.used, 8);
    assert.equal(early?.sent, -1);
  }),

  caseOf('two clocks that disagree at an edge do not reset the counter', async (tenant) => {
    const edge = await tenant.present({ limit: 1_000 });
    for (let turn = 1; turn <= 20; turn += 1) {
      const sent = turn % 2 === 0 ? edge : windowFrom(edge.starts[1] + HOUR_MS, { limit: 1_000 });
      assert.equal((await tenant.decide(1, [sent])).windows[0]?.used, turn);
    }
  }),

  caseOf('after its end a window begins anew, not before that end', async (tenant) => {
    const short = windowFrom((await tenant.now()) - 10, { lengthMs: SHORT_MS });
    const first = (await tenant.decide(5, [short])).windows[0];
    assert.ok(first !== undefined);
    await tenant.reach(first.end);
    // The caller's next window would have begun earlier: then the same instants would have been counted twice.
    const overlapping = windowFrom(first.end - 50, { limit: 10 });
    const next = (await tenant.decide(1, [overlapping])).windows[0];
    assert.equal(next?.used, 1);
    assert.equal(next?.start, first.end);
    assert.equal(next?.end, overlapping.starts[2]);
  }),

  caseOf('a window that a jumping clock left in the future does not freeze the quota', async (tenant) => {
    const now = await tenant.now();
    const jumped = { ...windowFrom(now, { limit: 5 }), starts: [now - HOUR_MS, now - 1, now + HOUR_MS] as const };
    await tenant.decide(5, [jumped]);
    const later = windowFrom(now - 2 * HOUR_MS, { limit: 5, lengthMs: 1 });
    const real = {
      ...later,
      starts: [now - 3 * HOUR_MS, now - 2 * HOUR_MS, now - HOUR_MS] as const,
      end: now + HOUR_MS,
    };
    const counted = (await tenant.decide(1, [real])).windows[0];
    assert.equal(counted?.used, 1);
    assert.equal(counted?.start, now - HOUR_MS);
  }),

  caseOf('a window that a changed zone makes longer keeps its count until the later end', async (tenant) => {
    const hour = await tenant.present({ limit: 10 });
    await tenant.decide(4, [hour]);
    const longer = {
      ...hour,
      starts: [hour.starts[0], hour.starts[1], hour.starts[2] + HOUR_MS] as const,
      end: hour.end + HOUR_MS,
    };
    const counted = (await tenant.decide(1, [longer])).windows[0];
    assert.equal(counted?.used, 5);
    assert.equal(counted?.end, hour.starts[2] + HOUR_MS);
    assert.equal((await tenant.decide(0, [hour])).windows[0]?.end, hour.starts[2] + HOUR_MS);
  }),

  caseOf('where no sent window holds its time the store says so and charges nothing', async (tenant) => {
    const hour = await tenant.present({ field: 'hour' });
    for (const days of [-365, 365]) {
      const off = windowFrom(hour.starts[1] + days * 24 * HOUR_MS, { field: 'off' });
      const cold = await tenant.present({ field: 'cold', fromLedger: true });
      const reply = await tenant.charge(1, [hour, cold, off]);
      assert.equal(reply.outcome, 'clock');
      assert.ok(Math.abs(reply.timeMs - hour.starts[1]) < HOUR_MS);
    }
    assert.deepEqual(await tenant.used([hour]), [0]);
  }),

  caseOf('a charge that comes after its deadline is not made', async (tenant) => {
    const hour = await tenant.present();
    const now = await tenant.now();
    const late = await tenant.charge(1, [hour], { deadlineMs: now - 1 });
    assert.equal(late.outcome, 'late');
    assert.ok(late.timeMs >= now);
    assert.equal((await tenant.charge(1, [hour], { deadlineMs: now + 60_000 })).outcome, 'granted');
    assert.deepEqual(await tenant.used([hour]), [1]);
  }),
];
