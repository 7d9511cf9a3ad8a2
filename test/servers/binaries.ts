// Where PostgreSQL, Redis, PgBouncer, nginx, libfaketime and strace are on this machine: given, found, or installed. Never "not here, so skip".
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import {
  embeddedPostgresFolder,
  findFakeTime,
  installFakeTime,
  installNginx,
  installPgBouncer,
  installPostgres,
  installRedis,
  installStrace,
} from './install.js';

const OLDEST_POSTGRES = 15;
const DEBIAN = '/usr/lib/postgresql';

/** A server's binary. */
export interface ServerBinary {
  readonly command: string;
  /** Set where the binary was unpacked without root and its libraries lie beside it. */
  readonly libraries: string | undefined;
}

/** The folder that holds `postgres` and `initdb`. Found once a run; the workers inherit the answer. */
export async function postgresFolder(): Promise<string> {
  process.env.TEST_POSTGRES_FOLDER ??=
    findPostgres() ?? (await afterInstall('PostgreSQL', installPostgres, findPostgres));
  return process.env.TEST_POSTGRES_FOLDER;
}

/** The Redis server's binary. Found once a run; the workers inherit the answer. */
export async function redisBinary(): Promise<ServerBinary> {
  process.env.TEST_REDIS_BINARY ??= findRedis() ?? (await afterInstall('Redis', installRedis, findRedis));
  return { command: process.env.TEST_REDIS_BINARY, libraries: process.env.TEST_REDIS_LIBRARIES };
}

/** PgBouncer's binary. Found once a run; the workers inherit the answer. */
export async function pgBouncerBinary(): Promise<ServerBinary> {
  process.env.TEST_PGBOUNCER_BINARY ??=
    findPgBouncer() ?? (await afterInstall('PgBouncer', installPgBouncer, findPgBouncer));
  return { command: process.env.TEST_PGBOUNCER_BINARY, libraries: process.env.TEST_PGBOUNCER_LIBRARIES };
}

/** nginx's binary. Found once a run; the workers inherit the answer. */
export async function nginxBinary(): Promise<ServerBinary> {
  process.env.TEST_NGINX_BINARY ??= findNginx() ?? (await afterInstall('nginx', installNginx, findNginx));
  return { command: process.env.TEST_NGINX_BINARY, libraries: process.env.TEST_NGINX_LIBRARIES };
}

/** The library that shows a process another wall clock. Found once a run; the workers inherit the answer. */
export async function fakeTimeLibrary(): Promise<string> {
  process.env.TEST_FAKETIME_LIBRARY ??=
    findFakeTime() ?? (await afterInstall('libfaketime', installFakeTime, findFakeTime));
  return process.env.TEST_FAKETIME_LIBRARY;
}

/** strace's binary. Found once a run; the workers inherit the answer. */
export async function straceBinary(): Promise<ServerBinary> {
  const find = () => onPath('strace')[0];
  process.env.TEST_STRACE_BINARY ??= find() ?? (await afterInstall('strace', installStrace, find));
  return { command: process.env.TEST_STRACE_BINARY, libraries: process.env.TEST_STRACE_LIBRARIES };
}

/** A version of at least 15 that has its `initdb` beside it: on PATH there may be a wrapper, or a client alone. */
function findPostgres(): string | undefined {
  const debian = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(a) - Number(b)) : [];
  const folders = [
    ...onPath('postgres').map((path) => dirname(realpathSync(path))),
    ...debian.map((version) => join(DEBIAN, version, 'bin')),
    embeddedPostgresFolder(),
  ];
  return folders.find(
    (folder) => folder !== undefined && ['postgres', 'initdb'].every((name) => isNewEnough(join(folder, name))),
  );
}

function isNewEnough(path: string): boolean {
  if (!existsSync(path)) return false;
  const major = /\(PostgreSQL\) (\d+)/.exec(versionOf(path))?.[1];
  return major !== undefined && Number(major) >= OLDEST_POSTGRES;
}

function findRedis(): string | undefined {
  return onPath('redis-server').find((path) => /Redis server v=\d+/.test(versionOf(path)));
}

/** Debian puts it where only root's PATH looks. */
function findPgBouncer(): string | undefined {
  return [...onPath('pgbouncer'), '/usr/sbin/pgbouncer'].find((path) => /^PgBouncer \d/.test(versionOf(path)));
}

/** One that can ask before it lets a request through: a build without `auth_request` is none for us. */
function findNginx(): string | undefined {
  return [...onPath('nginx'), '/usr/sbin/nginx'].find(
    (path) =>
      existsSync(path) &&
      spawnSync(path, ['-V'], { encoding: 'utf8' }).stderr.includes('--with-http_auth_request_module'),
  );
}

function versionOf(path: string): string {
  return spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 }).stdout ?? '';
}

function onPath(name: string): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).filter((path) => existsSync(path));
}

async function afterInstall(
  what: keyof typeof REMEDIES,
  install: () => Promise<string | undefined>,
  find: () => string | undefined,
): Promise<string> {
  process.stderr.write(`${what} is not on this machine: installing it for the tests\n`);
  let cause: unknown;
  try {
    const found = (await install()) ?? find();
    if (found !== undefined) return found;
  } catch (error) {
    cause = error;
  }
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  throw new Error(`No ${what} for the tests, and installing it failed${reason}\n${REMEDIES[what]}`, { cause });
}

const REMEDIES = {
  PostgreSQL:
    'Put postgres (15 or newer, with initdb beside it) on PATH, or set TEST_DATABASE_URL to a server that tests may create and drop data on.',
  Redis: 'Put redis-server on PATH, or set TEST_REDIS_URL to a server that tests may create and drop data on.',
  PgBouncer: 'Put pgbouncer on PATH.',
  libfaketime:
    'Install libfaketime, whose libfaketimeMT.so.1 is looked for in /usr/lib and its folders for architectures.',
  strace: 'Put strace on PATH.',
  nginx: 'Put nginx, built with its auth_request module as every Debian and Alpine build is, on PATH.',
};
