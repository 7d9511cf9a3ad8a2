// The data folder with real processes: one holder of the database, one admin token, whoever starts at once or was killed.
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ADMIN_TOKEN_FILE, readOrMakeAdminToken } from '../../src/embedded/adminToken.js';
import { lockDatabase } from '../../src/embedded/databaseLock.js';
import { dataFolderOf, makeDataFolder } from '../../src/embedded/dataFolder.js';
import { ownIdentity } from '../../src/embedded/processIdentity.js';
import { builtModule } from '../servers/builtModule.js';
import { type StartedProcess, startProcess } from '../servers/childProcess.js';
import { newFolder } from '../servers/runFolder.js';

const started: StartedProcess[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((starter) => starter.end()));
});

// Answers each line "<command> <n> <at>" with "<n> <result>", no earlier than at the instant `at`: all start in one moment.
const STARTER = `
const [databaseLock, adminToken, folder] = process.argv.slice(1);
const { lockDatabase } = require(databaseLock);
const { readOrMakeAdminToken } = require(adminToken);
const commands = {
  lock: () => { globalThis.held = lockDatabase(folder); return 'holds'; },
  release: () => { held.release(); return 'released'; },
  token: () => { const { token, made } = readOrMakeAdminToken(folder); return (made ? 'made ' : 'read ') + token; },
};
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, n, at] = line.split(' ');
  while (Date.now() < Number(at));
  try { console.log(n, commands[command]()); } catch (error) { console.log(n, error.code, error.message); }
});
console.log('ready');
`;
let asked = 0;

async function starter(folder: string): Promise<StartedProcess> {
  const args = ['-e', STARTER, builtModule('embedded/databaseLock'), builtModule('embedded/adminToken'), folder];
  const process_ = await startProcess(process.execPath, args);
  started.push(process_);
  await process_.waitForLine(/^ready$/);
  return process_;
}

function starters(count: number, folder: string): Promise<StartedProcess[]> {
  return Promise.all(Array.from({ length: count }, () => starter(folder)));
}

async function askAll(all: readonly StartedProcess[], command: string): Promise<string[]> {
  const n = ++asked;
  const at = Date.now() + 30;
  for (const one of all) one.write(`${command} ${n} ${at}\n`);
  const lines = await Promise.all(all.map((one) => one.waitForLine(new RegExp(`^${n} (.*)$`))));
  return lines.map((line) => line[1] ?? '');
}

function emptyDataFolder(): string {
  const folder = join(newFolder('data'), 'deep', 'tallygate');
  makeDataFolder(folder);
  return folder;
}

describe('the lock on the database folder', () => {
  it('goes to exactly one of eight that start at once, and after a kill -9 of the holder to exactly one of the next eight', async () => {
    const folder = emptyDataFolder();
    let all = await starters(8, folder);
    for (let round = 0; round < 6; round++) {
      const answers = await askAll(all, 'lock');
      const holders = all.filter((_, index) => answers[index] === 'holds');
      expect(holders.length, answers.join('\n')).toBe(1);
      const [holder] = holders as [StartedProcess];
      for (const answer of answers.filter((answer) => answer !== 'holds')) {
        expect(answer).toContain(`folder_locked ${folder} is in use by process ${holder.pid}:`);
      }
      holder.kill('SIGKILL');
      await holder.exit;
      all = [...all.filter((one) => one !== holder), await starter(folder)];
    }
    expect(readdirSync(folder).filter((name) => name.startsWith('postgres.lock')).length).toBe(1);
  });

  it('goes to exactly one of eight after each release', async () => {
    const folder = emptyDataFolder();
    const all = await starters(8, folder);
    for (let round = 0; round < 10; round++) {
      const answers = await askAll(all, 'lock');
      const holders = all.filter((_, index) => answers[index] === 'holds');
      expect(holders.length, answers.join('\n')).toBe(1);
      await askAll(holders, 'release');
    }
  });

  it('is refused to the process that holds it already, and is free again after release', () => {
    const folder = emptyDataFolder();
    const lock = lockDatabase(folder);
    expect(lock.databaseFolder).toBe(join(folder, 'postgres'));
    expect(() => lockDatabase(folder)).toThrow(
      expect.objectContaining({
        code: 'folder_locked',
        message: expect.stringMatching(new RegExp(`${folder} .*${process.pid}.*TALLYGATE_DATA_DIR.*DATABASE_URL`)),
      }),
    );
    lock.release();
    lock.release();
    const next = lockDatabase(folder);
    lock.release();
    expect(() => lockDatabase(folder)).toThrow(/in use/);
    next.release();
  });

  it('of a folder that was removed meanwhile is given back without a word, and takes nothing from who made it again', () => {
    const removed = newFolder('removed');
    const lock = lockDatabase(removed);
    rmSync(removed, { recursive: true });
    lock.release();

    const again = newFolder('again');
    const before = lockDatabase(again);
    rmSync(again, { recursive: true });
    mkdirSync(again);
    writeFileSync(
      join(again, 'postgres.lock-1'),
      JSON.stringify({ ...ownIdentity(), pid: process.ppid, startedAt: 'unknown' }),
    );
    before.release();
    expect(() => lockDatabase(again)).toThrow(`process ${process.ppid}`);
  });

  it('is not held by a pid that another process has got since', () => {
    const folder = emptyDataFolder();
    const since = { ...ownIdentity(), startedAt: 'before this process' };
    writeFileSync(join(folder, 'postgres.lock-7'), JSON.stringify(since));
    lockDatabase(folder).release();
  });

  it('is not held by a file that lost its content', () => {
    const folder = emptyDataFolder();
    for (const content of ['', '{"pid":', '{"pid":"1"}', '[]']) {
      writeFileSync(join(folder, 'postgres.lock-3'), content);
      lockDatabase(folder).release();
    }
  });
});

describe('the data folder', () => {
  it('is .tallygate below the working directory unless told otherwise, and always absolute', () => {
    expect(dataFolderOf(undefined)).toBe(join(process.cwd(), '.tallygate'));
    expect(dataFolderOf('')).toBe(join(process.cwd(), '.tallygate'));
    expect(dataFolderOf('a/b')).toBe(join(process.cwd(), 'a', 'b'));
    expect(dataFolderOf('/srv/data')).toBe('/srv/data');
  });

  it('is made for its owner alone, kept out of git, and taken as it is the next time', () => {
    const folder = emptyDataFolder();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(folder, '.gitignore'), 'utf8')).toBe('*\n');
    makeDataFolder(folder);
  });

  it('that cannot be one is refused by name', () => {
    const file = join(newFolder('data'), 'file');
    writeFileSync(file, '');
    for (const folder of [file, join(file, 'below')]) {
      expect(() => makeDataFolder(folder)).toThrow(
        expect.objectContaining({
          code: 'invalid_configuration',
          faults: [
            expect.objectContaining({ location: 'TALLYGATE_DATA_DIR', message: expect.stringContaining(folder) }),
          ],
        }),
      );
    }
  });
});

describe('the admin token', () => {
  it('is made by exactly one of eight that start at once, and all have the same', async () => {
    const folder = emptyDataFolder();
    const answers = await askAll(await starters(8, folder), 'token');
    expect(answers.filter((answer) => answer.startsWith('made ')).length).toBe(1);
    expect(new Set(answers.map((answer) => answer.slice('made '.length))).size).toBe(1);
    expect(readdirSync(folder).filter((name) => name.startsWith(ADMIN_TOKEN_FILE))).toEqual([ADMIN_TOKEN_FILE]);
  });

  it('is 32 random bytes with a prefix, readable by its owner alone, and read the next time', () => {
    const folder = emptyDataFolder();
    const first = readOrMakeAdminToken(folder);
    expect(first).toEqual({ token: expect.stringMatching(/^tg_[\w-]{43}$/), made: true });
    const path = join(folder, ADMIN_TOKEN_FILE);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o644);
    expect(readOrMakeAdminToken(folder)).toEqual({ token: first.token, made: false });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readOrMakeAdminToken(emptyDataFolder()).token).not.toBe(first.token);
  });

  it('in a file that holds none is a fault that names the file, not an empty token', () => {
    const folder = emptyDataFolder();
    const path = join(folder, ADMIN_TOKEN_FILE);
    for (const content of ['', '\n', 'short', 'two words that are long']) {
      writeFileSync(path, content);
      expect(() => readOrMakeAdminToken(folder)).toThrow(
        expect.objectContaining({ code: 'invalid_configuration', message: expect.stringContaining(path) }),
      );
    }
  });
});
