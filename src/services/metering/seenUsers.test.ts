// The filter in front of active users: what it may do is forget.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeenUsers } from './seenUsers.js';

const name = fc.tuple(
  fc.constantFrom('a', 'ab', '1:a', ''),
  fc.constantFrom('2026-11-24', '2026-11-25'),
  fc.constantFrom('b', 'bb', ''),
);

describe('the filter of users', () => {
  it('knows nobody who was not added, whatever the ids are made of', () => {
    fc.assert(
      fc.property(fc.array(name, { maxLength: 8 }), name, (added, asked) => {
        const seen = new SeenUsers(1_000);
        for (const one of added) seen.add(...one);
        expect(seen.has(...asked)).toBe(added.some((one) => one.join('\n') === asked.join('\n')));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is bounded, and forgets those first who came last long ago', () => {
    const seen = new SeenUsers(10);
    for (let user = 0; user < 1_000; user += 1) {
      seen.add('t', '2026-11-24', 'often');
      seen.add('t', '2026-11-24', `u${user}`);
      expect(seen.has('t', '2026-11-24', 'often')).toBe(true);
    }
    let known = 0;
    for (let user = 0; user < 1_000; user += 1) if (seen.has('t', '2026-11-24', `u${user}`)) known += 1;
    expect(known).toBeLessThanOrEqual(20);
    expect(known).toBeGreaterThan(0);
  });

  it('knows nothing after something was lost', () => {
    const seen = new SeenUsers();
    seen.add('t', '2026-11-24', 'u');
    seen.clear();
    expect(seen.has('t', '2026-11-24', 'u')).toBe(false);
  });
});
