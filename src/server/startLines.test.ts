import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type StartFacts, startLines, urlOf } from './startLines.js';

const FACTS: StartFacts = {
  address: { host: '127.0.0.1', port: 3000 },
  stores: { postgresSchema: undefined, redis: false },
  dataFolder: '/srv/app/.tallygate',
  token: { from: 'kept' },
};

describe('the start lines', () => {
  it('are the address, the stores, the token on the first run, and a curl line, in this order', () => {
    const lines = startLines({ ...FACTS, token: { from: 'made', token: 'tg_secret' } });
    expect(lines.map((line) => line.split(/[: ]/)[0])).toEqual(['Tallygate', 'Stores', 'Admin', 'curl']);
    expect(lines[0]).toBe('Tallygate listens on http://127.0.0.1:3000');
    expect(lines[2]).toBe('Admin token (shown once, kept in /srv/app/.tallygate/admin-token): tg_secret');
  });

  it('never show a token again, and one from the environment never at all', () => {
    expect(startLines(FACTS)).toHaveLength(3);
    const lines = startLines({ ...FACTS, token: { from: 'environment' } });
    expect(lines).toHaveLength(3);
    expect(lines[2]).toContain('Bearer $ADMIN_TOKEN"');
  });

  it('say what the stores do not promise', () => {
    expect(startLines(FACTS)[1]).toMatch(
      /embedded database in \/srv.*power failure.*counters in this process.*REDIS_URL/,
    );
    const shared = startLines({ ...FACTS, stores: { postgresSchema: 'billing', redis: true } })[1];
    expect(shared).toBe('Stores: usage in PostgreSQL (schema "billing"); counters in Redis (shared by all processes)');
  });

  it('hold a curl line that a shell reads as it is meant, whatever the folder is called', () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'tallygate-')), `it's "a" $HOME folder`);
    onTestFinished(() => rmSync(join(folder, '..'), { recursive: true }));
    mkdirSync(folder);
    writeFileSync(join(folder, 'admin-token'), 'tg_secret\n');
    const line = startLines({ ...FACTS, dataFolder: folder }).at(-1);
    const script = `curl() { for word; do printf '%s\\n' "$word"; done; }; ${line}`;
    expect(execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }).trimEnd().split('\n')).toEqual([
      '-sS',
      'http://127.0.0.1:3000/v1/consume',
      '-H',
      'Authorization: Bearer tg_secret',
      '-H',
      'Content-Type: application/json',
      '-d',
      '{"tenant":"try-me"}',
    ]);
    expect(line).not.toContain('tg_secret');
  });

  it.each([
    ['0.0.0.0', 'http://127.0.0.1:1'],
    ['::', 'http://[::1]:1'],
    ['::1', 'http://[::1]:1'],
    ['localhost', 'http://localhost:1'],
  ])('name an address that can be reached for %s', (host, url) => {
    expect(urlOf({ host, port: 1 })).toBe(url);
  });
});
